"""The heads of a model: logits become calibrated scores, and those the tags that are told.

scores        logits -> scores -> tags
chosen        which heads are on, and their thresholds
embedded      heads that no engine runs: they read the embedding
added         those that a user adds: `gallery` and `open`
attributes    sleeves, necks, patterns of garments: a matrix on the embedding
worn          garments with their attributes
colour        garments with their colour
gallery       tags enrolled with a few pictures
gallery_fit   how those are learned
gallery_file  a gallery on the disk
gallery_path  where it lies
enrolling     `edge-tag enroll`
examples      pictures -> examples of a gallery
views         one picture -> views of it
negatives     views of what nobody enrols
vocabulary    tags by their text embeddings
text_vectors  texts as vectors, in a file of their own
rows          the format of the files above: rows of numbers, hashed
"""

"""Pictures: checked by their first bytes, decoded or taken as planes, cut into regions, and made
into what an artifact takes.

headers          what the bytes of a PNG or a JPEG say before anything is decoded
pixels           from pictures to artifact inputs: the only preprocessing there is
planes           frames as cameras and decoders give them, brightness and colour apart
buffers          arrays for frames, used again
regions          rectangles of a frame: a grid of tiles, what two boxes share
prepare          regions made ready while the engine is busy with others
lab              colours as CIELAB
calibration_set  unlabelled pictures of one's own camera, with hashes
stems            what files about a source's frames may be called
suffixes         which files are pictures, and which are clips
"""

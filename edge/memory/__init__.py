"""What is known of a camera: places have their cells, things are followed, looks at them become
evidence, a thing that looks different is opened again, and all of it becomes the frame's tags.
"""

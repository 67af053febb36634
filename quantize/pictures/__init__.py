"""Pictures with what people said about them: records, folders, the sets of the default bundle."""

from quantize.pictures.folder import read_folder, read_lists, read_sources, write_lists
from quantize.pictures.samples import (
    PictureSet,
    Place,
    Sample,
    Split,
    TagList,
    by_key,
    groups_of,
    pictures_of,
    read,
)

__all__ = [
    "PictureSet",
    "Place",
    "Sample",
    "Split",
    "TagList",
    "by_key",
    "groups_of",
    "pictures_of",
    "read",
    "read_folder",
    "read_lists",
    "read_sources",
    "write_lists",
]

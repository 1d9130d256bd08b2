import os

import numpy as np
import pytest

from onfh_nnunet.core.content_hash import content_sha256
from onfh_nnunet.core.errors import ReadError
from onfh_nnunet.core.image_files import write_image
from onfh_nnunet.core.user_files import MOST_IMAGE_BYTES
from tests.helpers.segmentation_files import oblique


def test_an_image_file_larger_than_any_image_is_refused_before_it_is_read(tmp_path):
    path, grid = tmp_path / "scan.nii", oblique()
    write_image(path, np.zeros(grid.size, np.uint8), grid)
    assert len(content_sha256(path)) == 64
    os.truncate(path, MOST_IMAGE_BYTES + 1)  # a sparse file takes no room
    with pytest.raises(ReadError, match="expected at most 1 GiB"):
        content_sha256(path)


def test_a_name_longer_than_a_file_system_takes_is_refused(tmp_path):
    with pytest.raises(ReadError, match="cannot be read"):
        content_sha256(tmp_path / ("x" * 300))

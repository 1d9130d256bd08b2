"""A fifth stage that hands on what four stages know."""

import torch

from recipes import plain_unet
from recipes.deepen import deeper
from recipes.train_synthetic import PLANS


def test_five_stages_answer_as_four_did():
    torch.manual_seed(1)
    four = plain_unet.network(PLANS).eval()
    five = deeper(four.state_dict()).eval()
    image = torch.randn(1, 1, 48, 48, 48)
    with torch.no_grad():
        before, after = four(image), five(image)
        assert torch.corrcoef(torch.stack([before.ravel(), after.ravel()]))[0, 1] > 0.95
    added = sum(each.numel() for each in five.parameters()) - sum(each.numel() for each in four.parameters())
    assert added > 1_000_000

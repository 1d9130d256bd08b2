"""What a report says of a model is what its card says."""

from onfh_nnunet.models.model_file import BUNDLED_MODEL, ModelFile
from onfh_nnunet.workflows.model_record import statement_of


def test_a_score_is_of_the_hips_that_have_a_value():
    model = ModelFile.read(BUNDLED_MODEL)
    known = {(score.region, score.metric): score for score in model.card.crossval}
    assert any(score.n_undefined for score in known.values())
    for shown in statement_of(BUNDLED_MODEL, model).scores:
        score = known[shown.region, shown.metric]
        assert (shown.n, shown.median) == (score.n, score.median)

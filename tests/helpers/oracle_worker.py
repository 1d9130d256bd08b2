"""The worker of `onfh watch` with a network that is perfect by construction."""

from onfh_nnunet.workflows.predictor import Predictor
from onfh_nnunet.workflows.watched_study import main
from tests.helpers.perfect_network import oracle

if __name__ == "__main__":
    Predictor.hips = oracle
    main()

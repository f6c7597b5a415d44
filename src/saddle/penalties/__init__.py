"""Further terms of a loss. Each is a value, unweighted; each sees the same three things: (judge, real, fake)."""

from .augmented import ConsistencyRegularisation
from .bottleneck import Bottleneck
from .classes import Classification
from .codes import FeatureMatching, PullingAway
from .flow import Centring, Transport
from .gaps import Consistency, Drift, QuadraticPotential
from .gradients import R1, R2, Divergence, Dragan, GradientPenalty, Roth
from .scores import LeCam, Swapped

PENALTIES: tuple[type, ...] = (
    GradientPenalty, Dragan, Divergence, R1, R2, Roth, Consistency, ConsistencyRegularisation, QuadraticPotential,
    Drift, LeCam, Swapped, Classification, Bottleneck, Transport, Centring, FeatureMatching, PullingAway,
)  # fmt: skip

__all__ = [
    "PENALTIES",
    "R1",
    "R2",
    "Bottleneck",
    "Centring",
    "Classification",
    "Consistency",
    "ConsistencyRegularisation",
    "Divergence",
    "Dragan",
    "Drift",
    "FeatureMatching",
    "GradientPenalty",
    "LeCam",
    "PullingAway",
    "QuadraticPotential",
    "Roth",
    "Swapped",
    "Transport",
]

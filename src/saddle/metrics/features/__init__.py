"""What images are compared by: features (n, d) of a named, hashed extractor, with the resizing it does."""

from .extractor import Extractor as Extractor
from .extractor import facts as facts
from .extractor import features_of as features_of
from .extractor import frechet_name as frechet_name
from .inception import Inception as Inception
from .inception import inception as inception
from .plain import Identity as Identity
from .plain import RandomFeatures as RandomFeatures
from .plain import Reader as Reader
from .vision import Vision as Vision
from .vision import vision as vision

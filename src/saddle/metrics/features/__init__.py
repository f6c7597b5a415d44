"""What images are compared by: features (n, d) of a named, hashed extractor, with the resizing it does."""

from .extractor import Extractor as Extractor
from .extractor import extract_features as extract_features
from .extractor import extractor_facts as extractor_facts
from .extractor import frechet_title as frechet_title
from .inception import Inception as Inception
from .inception import load_inception as load_inception
from .plain import ClassifierFeatures as ClassifierFeatures
from .plain import Identity as Identity
from .plain import RandomFeatures as RandomFeatures
from .vision import VisionFeatures as VisionFeatures
from .vision import load_vision_model as load_vision_model

"""A batch played in parts: by several processes, by several accumulated batches. All of them draw as one."""

from .part import PART as PART
from .part import WHOLE as WHOLE
from .part import Part as Part
from .part import by_itself as by_itself
from .part import draw as draw
from .part import entire as entire
from .part import ours as ours
from .part import place as place
from .part import playing as playing
from .together import alone as alone
from .together import averaged as averaged
from .together import first as first
from .together import gathered as gathered

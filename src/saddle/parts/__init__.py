"""A batch played in parts: by several processes, by several accumulated batches. All of them draw as one."""

from .collectives import all_gather_rows as all_gather_rows
from .collectives import all_reduce_mean as all_reduce_mean
from .collectives import first_local_row as first_local_row
from .collectives import is_single_process as is_single_process
from .shard import CURRENT_SHARD as CURRENT_SHARD
from .shard import WHOLE_BATCH as WHOLE_BATCH
from .shard import Shard as Shard
from .shard import Supply as Supply
from .shard import UnmixableRows as UnmixableRows
from .shard import draw_rows as draw_rows
from .shard import global_size as global_size
from .shard import local_rows as local_rows
from .shard import rank_and_size as rank_and_size
from .shard import supply_draws as supply_draws
from .shard import use_shard as use_shard
from .shard import without_process_group as without_process_group

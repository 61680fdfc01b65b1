"""What every end-to-end test needs."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # helpers are imported as tests.e2e.harness

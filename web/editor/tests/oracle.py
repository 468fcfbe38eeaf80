"""What the server makes of editor workflows: a JSON list on stdin, the list of their API graphs on stdout."""

import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from executor.workflow.flatten import to_api

nodes, workflows = json.load(sys.stdin)
json.dump([to_api(workflow, nodes, rng=random.Random(1)) for workflow in workflows], sys.stdout)

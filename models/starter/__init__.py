"""How the starter model is made: its data (prepare.py) and its judgement (judge.py). The card is README.md."""

"""Textual inversion (Gal et al. 2022, "An Image is Worth One Word"): new words for a text network that stays as it is.

A word is some vectors, which stand in a text where tokens stand. In rows of tokens they have numbers of their own,
after those of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from diffusion.clip import ClipText
from diffusion.header import Shapes
from diffusion.model import module_of
from diffusion.prompt import Token, chunks
from diffusion.tensor_files import TensorFile, stored
from diffusion.text import Encoder
from diffusion.tokenizer import tokenize
from diffusion.training.adapter_files import Told, metadata
from diffusion.training.tasks import contexts


class Inversion(nn.Module):
    """A text network with a new word. Called as the network is, with rows of tokens that may have the word.

    embedding: what is learnt, (vectors, w). All else is the network's, which is frozen. A training of SD XL has one
    for each of its text networks.
    """

    def __init__(self, encoder: Encoder, word: str, vectors: int = 1, begin: str = "*"):
        """word: how texts name what is new. begin: a text whose tokens the vectors are at first, in turn.

        Raises ValueError for what cannot be learnt.
        """
        super().__init__()
        module, word = module_of(encoder.network), word.strip()
        start = tokenize(begin)
        if not isinstance(module, ClipText):
            raise ValueError(f"{encoder.name} is no CLIP text network, so it cannot learn a word")
        if not word:
            raise ValueError("the word to be learnt is empty; choose one that the captions use")
        if vectors < 1 or not start:
            wrong = f"of {vectors} vectors" if vectors < 1 else f"begun as {begin!r}, which has no token"
            raise ValueError(f"{word!r} is to be learnt {wrong}; give it one at least")
        self.network, self.encoder, self.word = module.requires_grad_(False), encoder.name, word
        self.pad, self.depth, self.norm, self.project = encoder.pad, encoder.layer, encoder.norm, encoder.project
        table = module.text_model.embeddings.token_embedding.weight
        self.first = len(table)
        rows = [start[i % len(start)] for i in range(vectors)]
        self.embedding = nn.Parameter(table.detach()[rows].float())

    @property
    def text_model(self) -> nn.Module:
        return self.network.text_model

    def tokens(self, texts: Sequence[str], *, required: bool = True) -> Tensor:
        """(b, 77), of which longer texts lose their ends. Raises ValueError if none of them has the word.

        required: whether one must.
        """
        rows = [self._row(text) for text in texts]
        if required and not any(token >= self.first for row in rows for token in row):
            raise ValueError(
                f"none of {len(rows)} captions has the word {self.word!r} that is to be learnt among its first 75 "
                "tokens; write it where the new subject is named"
            )
        return torch.tensor(rows)

    def _row(self, text: str) -> list[int]:
        groups: list[list[tuple[Token, float]]] = []
        for i, part in enumerate(re.split(rf"(?<!\w){re.escape(self.word)}(?!\w)", text, flags=re.IGNORECASE)):
            if i:
                groups.append([(self.first + n, 1.0) for n in range(len(self.embedding))])
            groups.append([(token, 1.0) for token in tokenize(part)])
        whole = [token for group in groups for token in group]
        return [token for token, _ in chunks([whole], self.pad)[0] if isinstance(token, int)]

    def forward(
        self, tokens: Tensor, where: Tensor, vectors: Tensor, *, layer: int, norm: bool, project: bool
    ) -> tuple[Tensor, Tensor]:
        """As `ClipText.forward`; gradients reach `embedding`, and are zero where no text has the word."""
        new = tokens >= self.first
        known = tokens.masked_fill(new, 0)
        values = self.embedding.new_zeros(*tokens.shape, self.embedding.shape[1])
        values[where] = vectors.to(values.dtype).view(-1, values.shape[-1])
        values[new] = self.embedding[tokens[new] - self.first]
        both = where | new
        dtype = self.network.text_model.embeddings.token_embedding.weight.dtype
        states, pooled = self.network(known, both, values[both].to(dtype), layer=layer, norm=norm, project=project)
        return states + 0 * self.embedding.sum(), pooled

    def contexts(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The states (b, 77, w) of tokens (b, 77) that the model's family takes, and the pooled text (b, w)."""
        return contexts(self, tokens, self.depth, self.norm, self.project)


def embedding_file(words: Sequence[Inversion], shapes: Shapes, told: Told) -> TensorFile:
    """The contents of an embedding's file: `emb_params` as A1111 has it, or a table for each of several networks.

    shapes: of the UNet's weights. Raises ValueError if a value is no number any more.
    """
    tables = {inversion.encoder: inversion.embedding.detach().cpu().contiguous() for inversion in words}
    if not all(table.isfinite().all() for table in tables.values()):
        raise ValueError(f"{words[0].word!r} has values that are no numbers, so it is not written; keep an earlier one")
    if len(tables) == 1:
        tables = {"emb_params": next(iter(tables.values()))}
    return TensorFile({n: stored(t) for n, t in tables.items()}, metadata(told, shapes, "textual-inversion"))

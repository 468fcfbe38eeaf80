"""The text and VAE nodes: the records, and what only the nodes decide."""

import json
from pathlib import Path

import pytest
import torch

from diffusion.coding import Vae
from diffusion.text import Clip, stable_diffusion_1
from diffusion.vae import Autoencoder, VaeConfig
from executor.files import Files
from executor.node import Cancelled, registry
from nodes.text import clip_set_last_layer, clip_text_encode, embedding_state
from nodes.vae import (
    inpaint_model_conditioning,
    tiles_problem,
    vae_decode,
    vae_decode_tiled,
    vae_encode,
    vae_encode_tiled,
)
from tests.diffusion.test_clip import network
from tests.diffusion.test_coding import Means
from tests.diffusion.test_text import CONFIG
from tests.replay.vae_prep import replay


def test_records(conformance: Path):
    data = json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))
    found = list(replay(data, conformance))
    assert len(found) >= 15
    assert not [(label, problem) for label, problem in found if problem]


def test_a_prompt_is_one_conditioning():
    clip = Clip((stable_diffusion_1(network(CONFIG), CONFIG),))
    [(states, options)] = clip_text_encode(text="a cat", clip=clip)
    assert states.shape == (1, 77, 32)
    assert list(options) == ["pooled_output"]
    [(skipped, _)] = clip_text_encode(text="a cat", clip=clip_set_last_layer(clip=clip, stop_at_clip_layer=-2))
    assert not skipped.equal(states)


def test_the_key_of_a_prompt_holds_its_embeddings(tmp_path: Path):
    files = Files(tmp_path)
    (tmp_path / "models/embeddings").mkdir(parents=True)
    assert embedding_state(files, "a embedding:ink cat") == ()
    (tmp_path / "models/embeddings/ink.pt").write_bytes(b"1")
    [(path, size, _)] = embedding_state(files, "a embedding:ink cat")
    assert (Path(path).name, size) == ("ink.pt", 1)
    assert registry["CLIPTextEncode"].fingerprint is embedding_state


def test_alpha_is_dropped():
    pixels = torch.rand(1, 16, 16, 4)
    vae = Vae(Means())
    assert vae_encode(pixels=pixels, vae=vae)["samples"].equal(vae.encode(pixels[..., :3]))


def test_tiles_of_a_local_coder_leave_no_trace():
    vae = Vae(Means())
    image = torch.rand(1, 96, 160, 3)
    latent = vae_encode_tiled(pixels=image, vae=vae, tile_size=64, overlap=0)
    torch.testing.assert_close(latent["samples"], vae.encode(image))
    for overlap in (0, 64, 4096):  # what is too much is cut to a quarter of a tile
        got = vae_decode_tiled(samples=latent, vae=vae, tile_size=64, overlap=overlap)
        torch.testing.assert_close(got, vae.decode(latent["samples"]))


@pytest.mark.parametrize(("tile", "overlap", "fine"), [(512, 64, True), (64, 32, False), (64, 64, False)])
def test_an_overlap_of_half_a_tile_is_a_problem_before_the_run(tile: int, overlap: int, fine: bool):
    assert (tiles_problem(tile, overlap) is None) is fine


def test_conditionings_are_not_changed_in_place():
    positive = [(torch.zeros(1, 2, 3), {"strength": 1.0})]
    got = inpaint_model_conditioning(
        positive=positive, negative=[], vae=Vae(Means()), pixels=torch.rand(1, 16, 16, 3), mask=torch.ones(1, 16, 16)
    )
    assert positive[0][1] == {"strength": 1.0}
    assert set(got.positive[0][1]) == {"strength", "concat_latent_image", "concat_mask"}
    assert got.negative == []


class Stopped:
    """Reports that the run was cancelled, from the third time on that it is asked."""

    asked = 0

    def __call__(self, value: int, total: int, preview: object = None) -> None: ...

    def check(self) -> None:
        self.asked += 1
        if self.asked > 2:
            raise Cancelled


def test_cancelling_is_noticed_within_the_network():
    vae = Vae(Autoencoder(VaeConfig((32, 32), (32, 32), 1, 1, 4, 4, quant=True)).requires_grad_(False), factor=2)
    progress = Stopped()
    with pytest.raises(Cancelled):
        vae_decode(samples={"samples": torch.zeros(1, 4, 8, 8)}, vae=vae, progress=progress)
    assert progress.asked == 3
    assert vae_decode(samples={"samples": torch.zeros(1, 4, 8, 8)}, vae=vae).shape == (1, 16, 16, 3)

"""Files of adapters: diffusers and LyCORIS compute with them what we do, and their metadata is what the tools read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from diffusion import checkpoint
from diffusion.adapters.load import LoraModel, apply, apply_lora
from diffusion.clip import ClipConfig, ClipText
from diffusion.model import SD15, Model
from diffusion.placement import Place, Resident
from diffusion.prediction import discrete
from diffusion.text import Clip, stable_diffusion_1
from diffusion.tokenizer import END, START
from diffusion.training.adapter_files import Told, adapter_file, kohya, metadata, tag_counts
from diffusion.training.adapters import ALGORITHMS, Adapters
from tests import make_models
from tests.diffusion import test_clip
from tests.diffusion.test_families import theirs
from tests.diffusion.test_tokenizer import pairs, vocabulary
from tests.diffusion.test_unet import error, narrow

WIDTH = 24
CONFIG = ClipConfig(WIDTH, 2, 2, 48, 77, 49408, True, None)
X, TIME, CONTEXT = torch.randn(2, 4, 8, 8), torch.tensor([20, 700]), torch.randn(2, 9, WIDTH)
TOKENS = torch.tensor([[START, 320, 1125, 539, 2368, END], [START, 2368, END, END, END, END]])
HERE = Place(torch.device("cpu"), torch.float32)
WHERE = ("attention", "convolution")


def pipeline() -> tuple[Model, Clip, StableDiffusionPipeline]:
    """The same narrow model in our networks and in diffusers'."""
    ours, his = narrow("SD 1")
    text = test_clip.network(CONFIG)
    config = CLIPTextConfig(
        vocab_size=49408, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        hidden_act="quick_gelu", bos_token_id=START, eos_token_id=END,
    )  # fmt: skip
    his_text = CLIPTextModel(config).eval()
    new = "text_model.embeddings.token_embedding.weight" in his_text.state_dict()  # older ones have it before all names
    his_text.load_state_dict({n if new else n.removeprefix("text_model."): t for n, t in text.state_dict().items()})
    tokenizer: Any = CLIPTokenizer
    words = tokenizer(vocab=vocabulary(), merges=pairs(), model_max_length=77)
    made: Any = StableDiffusionPipeline(
        AutoencoderKL(block_out_channels=(32,)), his_text, words, his,
        DDIMScheduler(steps_offset=1, clip_sample=False), None, None, requires_safety_checker=False,  # type: ignore[arg-type]
    )  # fmt: skip
    model = Model(
        network=Resident(ours.requires_grad_(False), HERE),
        prediction=discrete("eps"),
        latent_format=SD15,
        name="narrow",
    )
    clip = Clip((stable_diffusion_1(Resident(text, HERE), CONFIG),))
    return model, clip, made


def module(network: object) -> nn.Module:
    assert isinstance(network, Resident)
    return network.ready()


def shapes(model: Model) -> dict[str, tuple[int, ...]]:
    assert isinstance(model.network, Resident)
    return dict(model.network.shapes)


def learnt(model: Model, clip: Clip, algorithm: str, **options: Any) -> tuple[Adapters, Adapters]:
    """Of both networks, as if they had learnt something."""
    random = torch.Generator().manual_seed(1)
    given = ("rank", 32 if algorithm == "OFT" else 4), ("dtype", torch.float32), ("random", random)
    unet = Adapters(module(model.network), algorithm, **dict(given), where=WHERE, **options)  # type: ignore[arg-type]
    text = Adapters(module(clip.encoders[0].network), algorithm, **dict(given), encoder="clip_l", **options)  # type: ignore[arg-type]
    for parameter in (*unet.learnt(), *text.learnt()):
        parameter.data.add_(torch.randn(parameter.shape, generator=random), alpha=0.05)
    return unet, text


def ours(model: Model, clip: Clip) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        none = torch.zeros_like(TOKENS, dtype=torch.bool)
        states, _ = clip.encoders[0].network(TOKENS, none, torch.empty(0, WIDTH), layer=2, norm=True, project=False)
        return model.network(X, TIME, CONTEXT), states


def written(path: Path, tensors: Mapping[str, Tensor], model: Model, told: Told = Told(), **options: Any) -> Path:  # noqa: B008
    path.write_bytes(b"".join(adapter_file(tensors, shapes(model), told, **options)))
    return path


SCALES = {"convolution_rank": 2, "alpha": 3.0, "convolution_alpha": 0.5}


@pytest.mark.parametrize("options", [{}, SCALES], ids=["plain", "scaled"])
@pytest.mark.filterwarnings("ignore::UserWarning:peft", "ignore::FutureWarning")
def test_diffusers_computes_with_a_file_what_we_do(options: dict[str, Any], tmp_path: Path):
    pytest.importorskip("peft")
    model, clip, pipe = pipeline()
    before = ours(model, clip)
    unet, text = learnt(model, clip, "LoRA", **options)
    with unet.applied(), text.applied():
        applied = ours(model, clip)
    path = written(tmp_path / "it.safetensors", unet.tensors() | text.tensors(), model)
    merged = ours(*apply(path, model, clip, 1.0, 1.0))
    pipe.load_lora_weights(str(tmp_path), weight_name=path.name)
    unet_, text_ = pipe.unet, pipe.text_encoder
    with torch.no_grad():
        his = unet_(X, TIME, CONTEXT).sample, text_(TOKENS).last_hidden_state
    for plain, here, there, reference in zip(before, applied, merged, his, strict=True):
        assert error(here, plain) > 1e-2
        assert error(here, reference) < 1e-5
        assert error(there, reference) < 1e-5


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "LoRA"])
def test_lycoris_computes_with_a_file_what_we_do(algorithm: str, tmp_path: Path):
    lycoris: Any = pytest.importorskip("lycoris")
    model, clip, pipe = pipeline()
    unet, text = learnt(model, clip, algorithm)
    with unet.applied(), text.applied():
        applied = ours(model, clip)
    path = written(tmp_path / "it.safetensors", unet.tensors() | text.tensors(), model)
    for network, prefix, got, given in (
        (pipe.unet, "lora_unet_", applied[0], (X, TIME, CONTEXT)),
        (pipe.text_encoder, "lora_te_", applied[1], (TOKENS,)),
    ):
        if not hasattr(network, "text_model"):  # of transformers 5
            prefix += "text_model_" * ("te_" in prefix)
        named = {n.replace(prefix, "lycoris_", 1): t for n, t in load_file(path).items() if n.startswith(prefix)}
        his, _ = lycoris.create_lycoris_from_weights(1.0, "", network, named)
        assert len(his.loras) == len({name.split(".")[0] for name in named})
        his.apply_to()
        with torch.no_grad():
            assert error(got, network(*given)[0]) < 1e-5


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_file_is_read_back_and_learning_goes_on_from_it(algorithm: str, tmp_path: Path):
    model, clip, _ = pipeline()
    unet, text = learnt(model, clip, algorithm)
    tensors = load_file(written(tmp_path / "it.safetensors", unet.tensors() | text.tensors(), model))
    others = learnt(model, clip, algorithm)
    for before, after in zip((unet, text), others, strict=True):
        for parameter in after.learnt():
            parameter.data.zero_()
        after.restore(tensors)
        want, got = before.tensors(), after.tensors()
        assert want.keys() == got.keys()
        assert all(torch.equal(got[name], tensor) for name, tensor in want.items())


def test_names_are_those_of_kohya():
    model, clip, _ = pipeline()
    unet, text = learnt(model, clip, "LoRA")
    names = kohya(unet.tensors() | text.tensors(), shapes(model))
    for layer in (
        "unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
        "unet_up_blocks_2_attentions_1_transformer_blocks_0_attn2_to_out_0",
        "unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj",
        "unet_mid_block_attentions_0_proj_in",
        "unet_down_blocks_1_resnets_0_conv1",
        "unet_down_blocks_1_resnets_0_conv_shortcut",
        "unet_down_blocks_1_resnets_0_time_emb_proj",
        "unet_down_blocks_0_downsamplers_0_conv",
        "unet_up_blocks_0_upsamplers_0_conv",
        "te_text_model_encoder_layers_0_self_attn_q_proj",
        "te_text_model_encoder_layers_1_self_attn_out_proj",
        "te_text_model_encoder_layers_1_mlp_fc2",
    ):
        assert {f"lora_{layer}.{part}" for part in ("lora_up.weight", "lora_down.weight", "alpha")} <= names.keys()
    assert all(name.startswith(("lora_unet_", "lora_te_")) for name in names)


@pytest.mark.filterwarnings("ignore::UserWarning:peft", "ignore::FutureWarning")
def test_names_of_xl_are_those_of_its_checkpoints_and_diffusers_finds_them(tmp_path: Path):
    his: Any = theirs("sdxl", tmp_path)
    model, _, _ = checkpoint.load(make_models.write("sdxl", tmp_path))
    made = Adapters(module(model.network), "LoRA", 2, torch.float32, torch.Generator(), where=WHERE)
    wide, text = ClipText(CONFIG), torch.Generator()
    texts = [Adapters(wide, "LoRA", 2, torch.float32, text, encoder=encoder) for encoder in ("clip_l", "clip_g")]
    tensors = kohya(made.tensors() | texts[0].tensors() | texts[1].tensors(), shapes(model))
    texts_ = metadata(Told(prediction="eps"), shapes(model))
    assert texts_["ss_base_model_version"] == "sdxl_base_v1-0"
    assert texts_["modelspec.architecture"] == "stable-diffusion-xl-v1-base/lora"
    heads = {name.split("text_model")[0].split("_blocks")[0].split("_block_")[0] for name in tensors}
    assert heads == {"lora_unet_input", "lora_unet_middle", "lora_unet_output", "lora_te1_", "lora_te2_"}
    told: Any = StableDiffusionPipeline.lora_state_dict(dict(tensors), unet_config=his.config)
    layers = {name.replace(".processor.", ".").rsplit(".lora", 1)[0].rsplit("_lora", 1)[0] for name in told[0]}
    known = {f"unet.{n.removesuffix('.0') if n.endswith('to_out.0') else n}" for n, _ in his.named_modules()}
    assert {layer for layer in layers if layer.startswith("unet.")} <= known
    assert len(told[0]) == len(tensors) * 2 / 3


def test_a_layer_of_another_model_is_named():
    model, _, _ = pipeline()
    for name in ("diffusion_model.none.lora_up.weight", "other.weight", "lora_unet_x.lora_up.weight"):
        with pytest.raises(ValueError, match="no layer of the model"):
            kohya({name: torch.ones(1)}, shapes(model))


def test_values_that_are_no_numbers_are_not_written():
    model, clip, _ = pipeline()
    unet, _ = learnt(model, clip, "LoRA")
    unet.learnt()[3].data[0] = torch.nan
    with pytest.raises(ValueError, match=r"lora_unet_.*are no numbers.*earlier"):
        adapter_file(unet.tensors(), shapes(model), Told())


TOLD = Told(
    name="plate", algorithm="LoRA", rank=4, convolution_rank=2, prediction="eps", model="base.safetensors",
    learning_rate=1e-4, steps=30, max_steps=100, seed=7, images=20, batch_size=2, size=(128, 96),
    started=1_700_000_000.5, finished=1_700_000_100.25, tags={"10_plate": {"a plate": 3}}, trigger="plt",
    more={"ss_lr_scheduler": "cosine"},
)  # fmt: skip


def test_what_a_file_says_of_its_training(tmp_path: Path):
    model, clip, _ = pipeline()
    unet, _ = learnt(model, clip, "LoRA")
    path = written(tmp_path / "it.safetensors", unet.tensors(), model, TOLD, dtype=torch.float16)
    with safe_open(path, "pt") as file:
        texts: dict[str, str] = file.metadata()
        dtypes = {file.get_tensor(name).dtype for name in file.keys() if not name.endswith(".alpha")}  # noqa: SIM118
    assert dtypes == {torch.float16}
    got = {name: text for name, text in texts.items() if name.startswith(("ss_", "modelspec."))}
    assert json.loads(got.pop("ss_tag_frequency")) == {"10_plate": {"a plate": 3}}
    assert json.loads(got.pop("ss_network_args")) == {"conv_dim": "2", "conv_alpha": "2.0"}
    assert got == {
        "ss_output_name": "plate", "ss_network_module": "networks.lora", "ss_network_dim": "4",
        "ss_network_alpha": "4.0", "ss_sd_model_name": "base.safetensors", "ss_learning_rate": "0.0001",
        "ss_steps": "30", "ss_max_train_steps": "100", "ss_seed": "7", "ss_num_train_images": "20",
        "ss_total_batch_size": "2", "ss_resolution": "(128, 96)", "ss_training_started_at": "1700000000.5",
        "ss_training_finished_at": "1700000100.25", "ss_base_model_version": "sd_v1", "ss_v2": "False",
        "ss_lr_scheduler": "cosine", "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1/lora", "modelspec.implementation": "diffusers",
        "modelspec.title": "plate", "modelspec.date": "2023-11-14T22:15:00", "modelspec.resolution": "128x96",
        "modelspec.prediction_type": "epsilon", "modelspec.trigger_phrase": "plt",
    }  # fmt: skip


def test_hashes_are_those_of_the_tools(tmp_path: Path):
    model, clip, _ = pipeline()
    unet, _ = learnt(model, clip, "LoRA")
    path = written(tmp_path / "it.safetensors", unet.tensors(), model, TOLD)
    data = path.read_bytes()
    with safe_open(path, "pt") as file:
        texts: dict[str, str] = file.metadata()
    assert texts["sshs_model_hash"] == hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()
    as_kohya = safetensors.torch.save(load_file(path), {n: t for n, t in texts.items() if n.startswith("ss_")})
    assert texts["sshs_legacy_hash"] == hashlib.sha256(as_kohya[0x100000:0x110000]).hexdigest()[:8]


@pytest.mark.parametrize(
    ("kind", "prediction", "version", "architecture"),
    [
        ("SD 2", "v", "sd_v2_v", "stable-diffusion-v2-768-v/lora"),
        ("SD 2", "eps", "sd_v2", "stable-diffusion-v2-512/lora"),
        ("SD 1", "eps", "sd_v1", "stable-diffusion-v1/lora"),
    ],
)
def test_families_have_the_names_of_the_tools(kind: str, prediction: str, version: str, architecture: str):
    network, _ = narrow(kind)
    found = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    texts = metadata(Told(prediction=prediction), found)
    assert (texts["ss_base_model_version"], texts["modelspec.architecture"]) == (version, architecture)
    assert texts["ss_v2"] == str("v2" in version)


def test_only_what_is_known_is_said():
    assert metadata(Told(), {}) == {}
    for algorithm, name in {"LoHa": "loha", "LoKr": "lokr", "OFT": "diag-oft"}.items():
        texts = metadata(Told(algorithm=algorithm), {})
        assert texts == {"ss_network_module": "lycoris.kohya", "ss_network_args": json.dumps({"algo": name})}
    assert metadata(replace(TOLD, rank=None, alpha=None), {}).keys().isdisjoint(["ss_network_dim", "ss_network_alpha"])


def test_tags_are_counted_as_kohya_counts_them():
    assert tag_counts(["A cat, red", "red , a cat,", "", "red"]) == {"red": 3, "a cat": 2}


def test_an_adapter_in_memory_may_have_the_names_of_files():
    model, clip, _ = pipeline()
    unet, _ = learnt(model, clip, "LoRA")
    named = LoraModel("it", kohya(unet.tensors(), shapes(model)))
    first, second = (apply_lora(some, model, 1.0).network for some in (named, LoraModel("it", unet.tensors())))
    with torch.no_grad():
        assert torch.equal(first(X, TIME, CONTEXT), second(X, TIME, CONTEXT))

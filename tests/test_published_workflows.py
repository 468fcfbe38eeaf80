"""Workflows that people share: those of families that are here have no fault but missing files, and run to the end."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nodes
from diffusion import image_files, settings
from executor.cache import Cache
from executor.check import check
from executor.files import Files
from executor.graph import read
from executor.node import registry
from tests.stand_ins import STAND_INS, Graph, files, furnished
from tests.test_families import run

assert nodes.__name__

PUBLISHED = (
    "ex_area_composition__morning_day_evening_night",
    "ex_area_composition__night_evening_day_morning_subject",
    "ex_area_composition__square_area_for_2_subjects",
    "ex_area_composition__square_area_for_2_subjects_first_pass",
    "ex_area_composition__square_area_for_subject",
    "ex_area_composition__workflow_night_evening_day_morning",
    "ex_controlnet__2_pass_pose_worship",
    "ex_controlnet__depth_controlnet",
    "ex_controlnet__mixing_controlnets",
    "ex_gligen__gligen_textbox_example",
    "ex_hypernetworks__hypernetwork_example",
    "ex_inpaint__inpain_model_outpainting",
    "ex_inpaint__inpain_model_woman",
    "ex_inpaint__inpaint_anythingv3_woman",
    "ex_inpaint__inpaint_example",
    "ex_lcm__lcm_basic_example",
    "ex_lora__lora",
    "ex_lora__lora_multiple",
    "ex_model_merging__model_merging_cosxl",
    "ex_model_merging__model_merging_lora",
    "ex_noisy_latent_composition__noisy_latents_3_subjects",
    "ex_noisy_latent_composition__noisy_latents_3_subjects_",
    "ex_sdturbo__sdxlturbo_example",
    "ex_upscale_models__esrgan_example",
    "rt_re_native_reroutes",
    "rt_re_primitive_kinds",
    "rt_re_sub_nested2",
    "rt_v1_ex_2_pass_txt2img__hiresfix_latent_workflow",
    "rt_v1_primitive_kinds",
    "rt_v1_sub_id_remap_outer_first",
    "rt_v1_sub_proxy_widgets",
    "tpl_basic_mask_operations_and_compositing",
    "tpl_image_sdxl_simple",
    "tpl_sdxl_refiner_prompt_example",
)
WITHOUT_PICTURES = ("bp_select_per_line_text_by_index",)

OTHER_FAMILIES = (
    "anima", "aura_flow", "chroma", "cosmos", "flux", "hidream", "hunyuan", "krea", "lotus", "ltx", "lumina", "mochi",
    "netayume", "newbie", "omnigen", "qwen", "sd3", "stable_cascade", "svd", "wan", "z_image", "zero123",
)  # fmt: skip
SERVICES = "tpl_api_"  # nodes that ask somebody else's server
"""How the names of models and of graphs begin or go on that are of another family."""

FAULTY = {  # the graph itself lacks a link, as its file in the editor's form does, or has nothing to run
    "rt_re_ex_edit_models__sdxl_edit_model",
    "syn_all_unconnected",
    "syn_bypass_after_muted",
    "syn_bypass_fed_by_muted",
    "syn_bypass_first_match_unlinked_second_linked",
    "syn_bypass_same_index_unlinked",
    "syn_dangling_bad_origin_slot",
    "syn_dangling_input_link_missing",
    "syn_dangling_target_slot_disagrees",
    "syn_empty",
    "syn_inputs_missing_slot",
    "syn_links_empty_but_inputs_linked",
    "syn_muted_middle",
    "syn_reroute_muted",
    "syn_reroute_unconnected_source",
    "syn_sub_bypassed_no_match",
    "syn_sub_mute_inside",
    "syn_sub_muted_instance",
    "syn_sub_outer_muted_of_nested",
    "syn_type_mismatch_link",
    "syn_version_03_array_links",
    "syn_wv_odd",
}
INVENTED = ("syn_mock_", "syn_ui_widget_nodes")  # node types that nobody has, or that are about sound and films
MISSING_FILE = ("is not in models/", "is not in input/")


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stock")


@pytest.fixture(scope="module")
def graphs(conformance: Path) -> dict[str, dict[str, Any]]:
    """All graphs of families that are here, by name."""
    found = {p.name.removesuffix(".api.json"): p for p in sorted((conformance / "workflows").glob("*.api.json"))}
    read_in = {name: json.loads(path.read_text("utf-8")) for name, path in found.items()}
    return {name: graph for name, graph in read_in.items() if not _elsewhere(name, graph)}


def _elsewhere(name: str, graph: dict[str, Any]) -> bool:
    models = {name for _, name in files(graph)}
    types = {node["class_type"] for node in graph.values()}
    other = any(family in word.lower() for word in (name, *models, *types) for family in OTHER_FAMILIES)
    whole = models <= STAND_INS.keys() and types <= registry.keys()
    return name.startswith((SERVICES, *INVENTED)) or (other and not whole)


def faults(graph: dict[str, Any], base: Path) -> list[str]:
    """What is wrong with a graph besides files that are not here."""
    wrong = (str(p) for p in check(read(graph), registry, Files(base)) if p.severity == "error")
    return [text for text in wrong if not any(said in text for said in MISSING_FILE)]


def lively(pictures: list[Path]) -> bool:
    return max((float(image_files.load(picture)[0].std()) for picture in pictures), default=0) > 0.01


def test_every_real_one_of_these_families_is_run_here(graphs: dict[str, Graph]):
    assert {name for name in graphs if not name.startswith("syn_")} - FAULTY == {*PUBLISHED, *WITHOUT_PICTURES}


def test_they_have_no_fault_but_missing_files(graphs: dict[str, Graph], tmp_path: Path):
    assert {name for name, graph in graphs.items() if faults(graph, tmp_path)} == FAULTY & graphs.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_ones_run_to_the_end(name: str, graphs: dict[str, Graph], tmp_path: Path, stock: Path):
    assert lively(run(furnished(graphs[name], tmp_path, stock), tmp_path))


def test_those_without_a_picture_run_to_the_end(graphs: dict[str, Graph], tmp_path: Path, stock: Path):
    for name in WITHOUT_PICTURES:
        assert run(furnished(graphs[name], tmp_path, stock), tmp_path) == []


def test_those_made_for_one_feature_of_the_editor_run_to_the_end(graphs: dict[str, Graph], tmp_path: Path, stock: Path):
    sound = [graph for name, graph in graphs.items() if name.startswith("syn_") and name not in FAULTY]
    small = [furnished(graph, tmp_path, stock) for graph in sound]
    different = {json.dumps([(id, n["class_type"], n["inputs"]) for id, n in sorted(g.items())]): g for g in small}
    assert len(different) > 20
    cache = Cache()
    for graph in different.values():
        pictures = run(graph, tmp_path, cache)
        assert lively(pictures) or not pictures


def test_the_editing_graph_runs_with_the_links_that_its_file_lost(
    graphs: dict[str, Graph], tmp_path: Path, stock: Path
):
    graph = copy.deepcopy(graphs["rt_re_ex_edit_models__sdxl_edit_model"])
    model, prompt, negative = {"model": ["4", 0]}, {"positive": ["6", 0]}, {"negative": ["7", 0]}
    lost = {"50:44": model, "50:47": prompt | negative, "50:48": model | negative}
    for id, links in lost.items():
        graph[id]["inputs"] |= links
    assert lively(run(furnished(graph, tmp_path, stock), tmp_path))

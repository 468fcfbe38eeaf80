"""Other ways than classifier-free guidance to make one answer of two, each as published. All on x0 (b, c, h, w)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.regions import Conditioning
from diffusion.steering import GuidancePatch, Steering, Step, after, before, blend

ALL = (1, 2, 3)  # every dimension but the batch


def _cfg(step: Step) -> Tensor:
    return step.negative + (step.positive - step.negative) * step.scale


def _norm(x: Tensor) -> Tensor:
    """Of each item: (b, 1, 1, 1)."""
    return x.square().sum(ALL, keepdim=True).sqrt()


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(ALL, keepdim=True)


def rescale_cfg(multiplier: float) -> GuidancePatch:
    """Guidance without its growth of contrast (Lin et al. 2024, section 3.4): v keeps its standard deviation.

    multiplier: 0 is plain guidance, 1 the full correction.
    """

    def rescaled(step: Step) -> Tensor:
        total = step.sigma**2 + 1
        own, span = step.x / total, total.sqrt() / step.sigma
        positive, guided = ((own - x0) * span for x0 in (step.positive, _cfg(step)))  # as v
        kept = guided * (positive.std(ALL, keepdim=True) / guided.std(ALL, keepdim=True))
        return own - torch.lerp(guided, kept, multiplier) / span

    return blend(rescaled)


def renorm_cfg(from_sigma: float, renorm: float) -> GuidancePatch:
    """Guidance whose result is at most `renorm` times as long as the positive's (Lumina-Image 2.0); 0 = any length.

    from_sigma: above it the positive stands alone.
    """

    def renormed(step: Step) -> Tensor:
        if float(step.sigma) > from_sigma:
            return step.positive
        guided = _cfg(step)
        if renorm <= 0:
            return guided
        return guided * (_norm(step.positive) * renorm / _norm(guided)).clamp(max=1)

    return blend(renormed)


def cfg_zero_star() -> GuidancePatch:
    """CFG-Zero* (Fan et al. 2025): the negative is scaled to what it shares with the positive, in direction of x."""

    def corrected(step: Step, x0: Tensor) -> Tensor:
        if "negative" not in step.sides:
            return x0
        positive, negative = step.x - step.positive, step.x - step.negative
        shared = _dot(positive, negative) / (_dot(negative, negative) + 1e-8)
        return x0 + step.negative * ((shared - 1) * (1 - step.scale))

    return after(corrected)


def cfg_norm(strength: float) -> GuidancePatch:
    """At each pixel the guided x0 is at most as long as the positive's, then multiplied by `strength`."""

    def normed(step: Step, x0: Tensor) -> Tensor:
        length, most = x0.norm(dim=1, keepdim=True), step.positive.norm(dim=1, keepdim=True)
        return x0 * ((most / (length + 1e-8)).clamp(max=1) * strength)

    return after(normed)


def tangential() -> GuidancePatch:
    """TCFG (Kwon et al. 2025): of the negative only what lies along the main direction that both share counts."""

    def damped(step: Step) -> dict[str, Tensor]:
        both = torch.stack([(step.x - step.positive).flatten(1), (step.x - step.negative).flatten(1)], 1)  # b 2 n
        main = torch.linalg.svd(both.double(), full_matrices=False).Vh[:, :1]  # b 1 n
        along = (both[:, 1:].double() @ main.mT @ main).squeeze(1).view_as(step.x)
        return {"negative": step.x - along.to(step.x)}

    return before(damped)


def mahiro() -> GuidancePatch:
    """Guidance that leans on the positive alone (Sakura Mahiro) the less it agrees with the negative."""

    def rooted(x: Tensor) -> Tensor:
        return x.abs().sqrt() * x.sign()

    def leaning(step: Step, x0: Tensor) -> Tensor:
        if "negative" not in step.sides:
            return x0
        leap = step.positive * step.scale
        merged = (leap + x0) / 2
        alike = functional.cosine_similarity(rooted(step.negative * step.scale), rooted(merged)).mean()
        share = (alike + 1) / 2
        return x0 * share + leap * (1 - share)

    return after(leaning)


def adaptive_projected(eta: float, threshold: float, momentum: float) -> GuidancePatch:
    """APG (Sadat et al. 2024). The step from negative to positive is averaged over time with `momentum`, cut to the
    length `threshold` (0 = any), and what of it is parallel to the positive is multiplied by `eta`."""

    def start(*_: object) -> Steering:
        running: list[Tensor] = []
        last = [float("inf")]

        def projected(step: Step) -> dict[str, Tensor]:
            toward = difference = step.positive - step.negative
            if momentum:
                if float(step.sigma) >= last[0]:  # another run
                    running.clear()
                toward = difference + (running[0] * momentum if running else 0)
                running[:], last[0] = [toward], float(step.sigma)
            if threshold > 0:
                toward = toward * (threshold / _norm(toward)).clamp(max=1)
            direction = step.positive / _norm(step.positive).clamp(min=1e-12)
            parallel = direction * _dot(toward, direction)
            changed = toward + parallel * (eta - 1)
            # guidance will multiply what leads away from the negative
            return {"positive": step.negative + changed + difference / step.scale}

        return Steering(before=projected)

    return GuidancePatch(start)


def perp_neg(empty: Conditioning, neg_scale: float) -> GuidancePatch:
    """Perp-Neg (Armandpour et al. 2023): of the negative only what is perpendicular to the positive counts."""

    def perpendicular(step: Step) -> Tensor:
        nothing = step.sides["empty"]
        towards, away = step.positive - nothing, step.negative - nothing
        shared = (away * towards).sum() / towards.square().sum().clamp(min=1e-37)
        return nothing + (towards - (away - towards * shared) * neg_scale) * step.scale

    return GuidancePatch(lambda guider, asking: Steering(blend=perpendicular), {"empty": empty})


def epsilon_scaling(factor: float) -> GuidancePatch:
    """The predicted noise divided by a factor, against what sampling adds up (Ning et al. 2024)."""
    return after(lambda step, x0: step.x - (step.x - x0) / factor)


def scale_by_frame(scales: Callable[[int, float], Tensor]) -> GuidancePatch:
    """Another scale for each item of a batch. scales: (number of items, scale of the run) -> (b,)."""

    def blended(step: Step) -> Tensor:
        by_item = scales(len(step.x), step.scale).to(step.x).view(-1, 1, 1, 1)
        return step.negative + (step.positive - step.negative) * by_item

    return blend(blended)


def linear_scale(lowest: float) -> GuidancePatch:
    """From `lowest` at the first frame to the full scale at the last."""
    return scale_by_frame(lambda n, scale: torch.linspace(lowest, scale, n))


def triangle_scale(lowest: float) -> GuidancePatch:
    """The full scale at the middle frame, and `lowest` at both ends."""

    def scales(n: int, scale: float) -> Tensor:
        place = torch.linspace(0, 1, n)
        return (place - (place + 0.5).floor()).abs() * 2 * (scale - lowest) + lowest

    return scale_by_frame(scales)


def operate(operation: Callable[[Tensor], Tensor]) -> GuidancePatch:
    """An operation on latents applied to the step from negative to positive."""

    def changed(step: Step) -> dict[str, Tensor]:
        return {"positive": step.negative + operation(step.positive - step.negative)}

    return before(changed)


def frequencies(low: float, high: float, cutoff: int) -> GuidancePatch:
    """FreSca (Huang et al. 2025): the step from negative to positive, with its low and its high frequencies scaled.

    cutoff: how many frequencies on each side of none are low, along each axis.
    """

    def scaled(step: Step) -> dict[str, Tensor]:
        difference = (step.positive - step.negative).float()
        spectrum = torch.fft.fftshift(torch.fft.fft2(difference), dim=(-2, -1))
        gain = torch.full(difference.shape[-2:], high, device=difference.device)
        rows, columns = (slice(max(0, n // 2 - cutoff), n // 2 + cutoff) for n in gain.shape)
        gain[rows, columns] = low
        changed = torch.fft.ifft2(torch.fft.ifftshift(spectrum * gain, dim=(-2, -1))).real
        return {"positive": step.negative + changed.to(step.x)}

    return before(scaled)

"""The stages: one module a stage. Importing this package registers every node."""

from nodes import conditioning as conditioning
from nodes import conditioning_models as conditioning_models
from nodes import conditioning_pairs as conditioning_pairs
from nodes import empty_latents as empty_latents
from nodes import guiders as guiders
from nodes import image_alpha as image_alpha
from nodes import image_batch as image_batch
from nodes import image_effects as image_effects
from nodes import image_files as image_files
from nodes import image_size as image_size
from nodes import image_transform as image_transform
from nodes import latent_batch as latent_batch
from nodes import latent_math as latent_math
from nodes import latents as latents
from nodes import loaders as loaders
from nodes import masks as masks
from nodes import model_sampling as model_sampling
from nodes import noise as noise
from nodes import primitives as primitives
from nodes import regular_expressions as regular_expressions
from nodes import samplers as samplers
from nodes import sampling as sampling
from nodes import sigmas as sigmas
from nodes import strings as strings
from nodes import text as text
from nodes import vae as vae

"""An all-MLP mixer, as somebody else would publish it."""

from clfw import Architecture, hookimpl


@hookimpl
def clfw_architectures() -> list[Architecture]:
    return [
        Architecture(
            name="mixer",
            summary="all-MLP mixer over square patches",
            build="clfw_mixer.model:build",
            params="clfw_mixer.params:MixerParams",
            parameter_count=17_309,
        )
    ]

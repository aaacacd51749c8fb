"""The networks of the documents: small CNNs and the plain networks they improve on."""

from clfw import Architecture, hookimpl

_HERE = "clfw_plugins.small_cnns"


@hookimpl
def clfw_architectures() -> list[Architecture]:
    return [
        Architecture(
            name="fashion_cnn",
            summary="two 3x3 convolutions with batch norm and pooling, one linear layer",
            build=f"{_HERE}.fashion:build_cnn",
            params=f"{_HERE}.params:FashionCnnParams",
            parameter_count=2174,
        ),
        Architecture(
            name="fashion_mlp",
            summary="plain network: flattened pixels, hidden layers with ReLU, one linear layer",
            build=f"{_HERE}.fashion:build_mlp",
            params=f"{_HERE}.params:FashionMlpParams",
            parameter_count=50890,
        ),
    ]

"""What this machine's processor multiplies in."""


def cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16 products (AMX or AVX-512 BF16).

    Without them torch takes a hundred times as long in bfloat16 as in float32.
    """
    import torch

    # Private names, hence the care; where torch drops them float32 serves.
    native = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in native)

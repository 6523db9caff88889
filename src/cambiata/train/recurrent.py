"""A GRU over frames, and the same as ONNX's own GRU."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class GRUWrapper(nn.Module):
    """A GRU over frames."""

    def __init__(self, width: int, *, last: bool = False) -> None:
        super().__init__()
        self.gru, self.last = nn.GRU(width, width, batch_first=True), last

    def forward(self, x: Tensor) -> Tensor:
        """States of the GRU, or the last one.

        x: [B, D, L]; returns [B, D, L], or [B, D].
        """
        # In float32 whatever the rest runs in: in bfloat16, on a CPU without instructions for it,
        # torch's GRU took 20 times as long. (Not measured on one that has them.)
        states: Tensor
        last: Tensor
        with torch.autocast(x.device.type, enabled=False):
            states, last = self.gru(x.float().transpose(1, 2))
        return last[0] if self.last else states.transpose(1, 2)

    def onnx_module(self) -> nn.Module:
        """The same for export: torch's exporter cannot write a GRU over frames of any number."""
        return _OnnxGRU(self)

    def load_onnx(self, arrays: Mapping[str, Tensor]) -> bool:
        """Whether the arrays of `onnx_module`, by their names there, were taken."""
        gru, exported = self.gru, self.onnx_module().state_dict()
        if any(
            name not in arrays or arrays[name].shape != exported[name].shape for name in exported
        ):
            return False
        biases = arrays["b"][0].chunk(2)
        with torch.no_grad():
            for parameter, array in (
                (gru.weight_ih_l0, arrays["w"][0]),
                (gru.weight_hh_l0, arrays["r"][0]),
                (gru.bias_ih_l0, biases[0]),
                (gru.bias_hh_l0, biases[1]),
            ):
                assert isinstance(parameter, Tensor)
                update, reset, new = array.chunk(3)
                parameter.copy_(torch.cat([reset, update, new]))
        return True


class _OnnxGRU(nn.Module):
    """`GRUWrapper` as ONNX's own GRU."""

    w: Tensor
    r: Tensor
    b: Tensor

    def __init__(self, layer: GRUWrapper) -> None:
        super().__init__()
        gru = layer.gru

        def ordered(array: object) -> Tensor:
            # Torch has reset, update, new; ONNX update, reset, new.
            assert isinstance(array, Tensor)
            reset, update, new = array.detach().chunk(3)
            return torch.cat([update, reset, new])

        self.register_buffer("w", ordered(gru.weight_ih_l0)[None].clone())
        self.register_buffer("r", ordered(gru.weight_hh_l0)[None].clone())
        both = torch.cat([ordered(gru.bias_ih_l0), ordered(gru.bias_hh_l0)])
        self.register_buffer("b", both[None].clone())
        self.width, self.last = gru.hidden_size, layer.last

    def forward(self, x: Tensor) -> Tensor:
        frames = x.permute(2, 0, 1)
        n_frames, n_batch, _ = frames.shape
        states, last = torch.onnx.ops.symbolic_multi_out(
            "GRU",
            (frames, self.w, self.r, self.b),
            {"hidden_size": self.width, "linear_before_reset": 1},
            dtypes=(x.dtype, x.dtype),
            shapes=((n_frames, 1, n_batch, self.width), (1, n_batch, self.width)),
            version=14,
        )
        return last[0] if self.last else states.squeeze(1).permute(1, 2, 0)

"""Prints a digest of a little training by torch alone, on one thread: the same where sums are added up in one order.

Bits of a training depend on torch and on the kernels that it chooses for the processor.
"""

import hashlib

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(0)
module = nn.Sequential(
    *(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 1, bias=False)),
    *(nn.Conv2d(16, 16, 3, 2, 1, groups=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
    *(nn.Flatten(), nn.Linear(16, 10)),
).to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(module.parameters(), lr=1e-2)
for _ in range(8):
    x = torch.randn(32, 1, 8, 8).contiguous(memory_format=torch.channels_last)
    loss = nn.functional.cross_entropy(module(x), torch.randint(10, (32,)), label_smoothing=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
digest = hashlib.sha256()
for value in module.state_dict().values():
    digest.update(value.contiguous().numpy().tobytes())
print(digest.hexdigest())

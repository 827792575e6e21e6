# SPDX-License-Identifier: BSD-3-Clause
# What tests/vm/build-kernel --arch riscv64 changes in Linux, without which VFIO takes no function behind an IOMMU there (7.3):
# VFIO wants an IOMMU whose driver says that it is coherent. RISC-V's is where QEMU has it, and its driver is not asked.
/^static const struct iommu_ops riscv_iommu_ops = {/{
i\
static bool riscv_iommu_coherent(struct device *dev, enum iommu_cap cap)\
{\
        return cap == IOMMU_CAP_CACHE_COHERENCY;\
}
a\
        .capable = riscv_iommu_coherent,
}
# The driver of virtio's IOMMU is of no machine, but only offered for two.
/^config VIRTIO_IOMMU/,/^config [^V]/s/depends on (ARM64 || X86)/depends on (ARM64 || X86 || RISCV)/

//! Types and byte orders of the voxels of NRRD files.

use super::nrrd_header::Header;
use super::voxels::VoxelType;
use crate::DataError;

impl Header<'_> {
    /// The type of a voxel.
    pub(super) fn voxel_type(&self) -> Result<VoxelType, DataError> {
        let text = self.field("type")?;
        let text = text.to_lowercase();
        let plain = text
            .replace("_t", "")
            .replace("signed ", "s:")
            .replace("uns:", "u:");
        Ok(match plain.trim_start_matches("s:") {
            "char" if plain.starts_with("s:") => VoxelType::Int8,
            "int8" => VoxelType::Int8,
            "uchar" | "u:char" | "uint8" => VoxelType::Uint8,
            "short" | "short int" | "int16" => VoxelType::Int16,
            "ushort" | "u:short" | "u:short int" | "uint16" => VoxelType::Uint16,
            "int" | "int32" => VoxelType::Int32,
            "uint" | "u:int" | "uint32" => VoxelType::Uint32,
            "longlong" | "long long" | "long long int" | "int64" => VoxelType::Int64,
            "ulonglong" | "u:long long" | "u:long long int" | "uint64" => VoxelType::Uint64,
            "float" => VoxelType::Float32,
            "double" => VoxelType::Float64,
            _ => {
                return Err(self.wrong(
                    "integers or floats of up to 64 bits",
                    &format!("type '{text}'"),
                ));
            }
        })
    }

    /// Whether the bytes of a voxel are in big endian.
    pub(super) fn big_endian(&self) -> Result<bool, DataError> {
        let endian = self.fields.get("endian").map(|text| text.to_lowercase());
        match endian.as_deref() {
            Some("little") => Ok(false),
            Some("big") => Ok(true),
            // Single bytes have no byte order.
            None if self.voxel_type()?.size() == 1 => Ok(false),
            other => Err(self.wrong("endian little or big", other.unwrap_or("none"))),
        }
    }
}

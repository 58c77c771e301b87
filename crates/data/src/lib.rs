//! Medical volumes with geometry: reading, preprocessing, augmentation, phantoms and loading.

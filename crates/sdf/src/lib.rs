//! Exact Euclidean distance transforms, signed distance maps and connected components of 3D masks.

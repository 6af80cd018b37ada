//! Bytes to tables and back: Parquet, CSV and Arrow IPC. Never paths: callers hand over sources of bytes.

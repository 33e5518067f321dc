package io.github.weighbridge.encoding;

/// Codes and scales of a region in flight: working memory that a thread fills, hands on and uses again. Not safe for several threads.
///
/// `codes[r * columns + c]` is the level of an element, or its index where levels come from a table; integers above 127 are kept modulo 256.
/// `scales[r * groups + g]` belongs to columns `g * groupColumns` up to the next group of row `r`, counted from the region's first column;
/// a scale shared by several rows is repeated for each.
public final class Codes {
    private static final float[] NONE = {};

    private byte[] codes = {};
    private float[] scales = NONE;
    private float[] zeros = NONE;
    private int rows;
    private int columns;
    private int groupColumns = 1;
    private int groups;

    /// Makes room for a region.
    ///
    /// @param rows number of rows
    /// @param columns number of columns
    /// @param groupColumns columns that share a scale
    /// @param withZeros whether zero points or minimums are kept
    public void resize(int rows, int columns, int groupColumns, boolean withZeros) {
        this.rows = rows;
        this.columns = columns;
        this.groupColumns = groupColumns;
        this.groups = columns == 0 ? 0 : (columns - 1) / groupColumns + 1;
        int elements = Math.multiplyExact(rows, columns);
        int scaleCount = Math.multiplyExact(rows, groups);
        if (codes.length < elements) {
            codes = new byte[elements];
        }
        if (scales.length < scaleCount) {
            scales = new float[scaleCount];
        }
        if (!withZeros) {
            zeros = NONE;
        } else if (zeros.length < scaleCount) {
            zeros = new float[scaleCount];
        }
    }

    /// The codes; at least `rows x columns` long.
    public byte[] codes() {
        return codes;
    }

    /// The scales; at least `rows x groups` long.
    public float[] scales() {
        return scales;
    }

    /// Zero points or minimums; empty where the grid has none.
    public float[] zeros() {
        return zeros;
    }

    /// Number of rows.
    public int rows() {
        return rows;
    }

    /// Number of columns.
    public int columns() {
        return columns;
    }

    /// Columns that share a scale.
    public int groupColumns() {
        return groupColumns;
    }

    /// Scales in a row.
    public int groups() {
        return groups;
    }
}

package org.example.toy;

import io.github.weighbridge.encoding.DenseEncoding;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.view.Span;
import io.github.weighbridge.view.StoredTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Makes files of the toy format.
public final class ToyFiles {
    private final String name;
    private final Value.Fields config;
    private final List<StoredTensor> tensors = new ArrayList<>();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private final Random random = new Random(1);

    /// A file of a model with a name and Hugging Face's configuration; an empty one for no known family.
    public ToyFiles(String name, Value.Fields config) {
        this.name = name;
        this.config = config;
    }

    /// A small file of no family.
    public static Path small(Path file) throws IOException {
        return new ToyFiles("a toy", Value.Fields.EMPTY).tensor("alpha", DenseType.F32, 4, 8).tensor("beta", DenseType.BF16, 3, 64)
                .tensor("gamma", DenseType.F32, 5).write(file);
    }

    /// Adds a tensor of numbers between -1 and 1.
    public ToyFiles tensor(String tensor, DenseType type, long... shape) {
        DenseEncoding encoding = DenseEncoding.of(type);
        int elements = Math.toIntExact(Shape.of(shape).elements());
        tensors.add(new StoredTensor(tensor, Shape.of(shape), encoding, List.of(new Span(0, 0, encoding.bytes(Shape.of(shape))))));
        for (int i = 0; i < elements; i++) {
            int bits = Float.floatToRawIntBits(random.nextFloat() * 2 - 1);
            for (int b = 4 - type.bytes(); b < 4; b++) {
                data.write(bits >>> 8 * b);
            }
        }
        return this;
    }

    /// Adds a tensor of single numbers.
    public ToyFiles numbers(String tensor, float... numbers) {
        tensors.add(new StoredTensor(tensor, Shape.of(numbers.length), DenseEncoding.F32, List.of(new Span(0, 0, 4L * numbers.length))));
        for (float number : numbers) {
            int bits = Float.floatToRawIntBits(number);
            for (int b = 0; b < 4; b++) {
                data.write(bits >>> 8 * b);
            }
        }
        return this;
    }

    /// Writes the file.
    public Path write(Path file) throws IOException {
        byte[] head = ToyFormat.head(name, config, tensors);
        try (var out = Files.newOutputStream(file)) {
            out.write(head);
            data.writeTo(out);
        }
        return file;
    }
}

package io.github.weighbridge.safetensors;

import io.github.weighbridge.family.Dialect;
import io.github.weighbridge.family.GraphBuilder;
import io.github.weighbridge.family.Parameters;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.io.Value;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.ReadOptions;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/// Makes a checkpoint of a Hugging Face folder or a single safetensors file with plain numbers, or with Gemma's own quantisation.
final class SafetensorsReader {
    private SafetensorsReader() {}

    static Checkpoint open(Source source, ReadOptions options) throws IOException {
        return HuggingFaceFolder.open(source, options, SafetensorsFormat.NAME, (folder, builder, _) -> addTensors(folder, builder));
    }

    private static void addTensors(HuggingFaceFolder folder, GraphBuilder builder) throws IOException {
        Parameters config = folder.config();
        Optional<Parameters> quantisation = config.object(HuggingFaceFolder.QUANTIZATION);
        Optional<String> method = quantisation.flatMap(q -> q.fields().text(HuggingFaceFolder.METHOD));
        Optional<Value> named = quantisation.flatMap(q -> q.fields().get(HuggingFaceFolder.METHOD));
        if (method.isEmpty() && named.isPresent() && !(named.get() instanceof Value.Nothing)) {
            throw quantisation.orElseThrow().wrong("quantization_config.quant_method", Parameters.describe(named.get()), "a text");
        }
        // A configuration without a method comes with weights that only lie on a grid: they are plain numbers.
        if (method.isEmpty()) {
            folder.tensors().tensors().forEach(located -> builder.add(HuggingFaceFolder.stored(located)));
            return;
        }
        if (!method.get().equals(GemmaQuantization.METHOD)) {
            throw CheckpointFormatException.unsupported(config.file(), -1, "quantization_config.quant_method", "\"" + method.get() + "\"",
                    "\"" + GemmaQuantization.METHOD + "\", or plain weights");
        }
        Map<String, Long> columns = folder.columns();
        Optional<Dialect> dialect = folder.dialect();
        new GemmaQuantization(quantisation.get()).addTensors(folder.tensors(),
                name -> dialect.map(d -> columns.get(d.canonicalName(name))), HuggingFaceFolder::stored, builder);
    }
}

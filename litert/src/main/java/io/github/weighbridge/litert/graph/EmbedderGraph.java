package io.github.weighbridge.litert.graph;

import io.github.weighbridge.litert.tflite.TensorType;
import io.github.weighbridge.litert.tflite.write.ConstantTensor;
import java.util.List;

/// Builds the graphs that turn a token into its rows of the embedding tables, factors of the model included. The executor calls them once a token.
public final class EmbedderGraph {
    /// The token that is handed in, `[1, 1]`.
    private static final String TOKEN = "token_ids";

    private EmbedderGraph() {}

    /// The embedding `[1, 1, hidden]` of a token.
    public static void embedder(ConstantTensor table, float scale, Graph.Model model) {
        Graph graph = model.graph("embedder");
        Tensor ids = graph.reshape(graph.input(TOKEN, TensorType.INT32, List.of(1, 1)), List.of(1));
        Tensor row = graph.reshape(graph.lookup(ids, table), List.of(1, 1, table.shape().get(1)));
        graph.output("embeddings", graph.multiply(row, scale));
    }

    /// The inputs `[1, 1, layers, width]` of all layers for a token.
    ///
    /// @param tables one for each layer
    public static void perLayer(List<ConstantTensor> tables, float scale, Graph.Model model) {
        Graph graph = model.graph("per_layer_embedder");
        Tensor ids = graph.reshape(graph.input(TOKEN, TensorType.INT32, List.of(1, 1)), List.of(1));
        List<Tensor> rows = tables.stream().map(table -> graph.lookup(ids, table)).toList();
        Tensor all = graph.reshape(graph.concat(1, rows), List.of(1, 1, tables.size(), tables.getFirst().shape().get(1)));
        graph.output("per_layer_embeddings", graph.multiply(all, scale));
    }

    /// The embedding `[1, 1, hidden]` of one token, which nothing is handed in for: what ends an image or a sound.
    ///
    /// @param key name of the graph
    /// @param row the token's row of the table, `[1, hidden]`
    public static void constant(String key, ConstantTensor row, float scale, Graph.Model model) {
        Graph graph = model.graph(key);
        graph.output("embeddings", graph.reshape(graph.multiply(graph.constant(row), scale), List.of(1, 1, row.shape().get(1))));
    }
}

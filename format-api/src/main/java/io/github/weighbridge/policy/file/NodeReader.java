package io.github.weighbridge.policy.file;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import io.github.weighbridge.io.Text;
import io.github.weighbridge.policy.file.Node.Place;
import io.github.weighbridge.spi.PolicyException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.yaml.snakeyaml.LoaderOptions;

/// Reads the text of a policy file into nodes. YAML is read without anchors, tags and further documents: a policy needs none of them, and
/// they are how small files become large ones.
final class NodeReader {
    private static final int MOST_NODES = 100_000;
    private static final int DEEPEST = 32;
    private static final StreamReadConstraints CONSTRAINTS = StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build();
    private static final JsonFactory JSON =
            new JsonFactoryBuilder().streamReadConstraints(CONSTRAINTS).build();
    private static final YAMLFactory YAML = yaml();

    private final String file;
    private final JsonParser parser;
    private int nodes;

    private NodeReader(String file, JsonParser parser) {
        this.file = file;
        this.parser = parser;
    }

    private static YAMLFactory yaml() {
        LoaderOptions options = new LoaderOptions();
        options.setNestingDepthLimit(DEEPEST);
        return YAMLFactory.builder().loaderOptions(options).streamReadConstraints(CONSTRAINTS).build();
    }

    /// Reads a document.
    ///
    /// @param file its name, for messages
    /// @throws PolicyException when it is no YAML, or no JSON where the name ends so
    static Node read(String file, String text) throws PolicyException {
        JsonFactory factory = file.endsWith(".json") ? JSON : YAML;
        try (JsonParser parser = factory.createParser(text)) {
            NodeReader reader = new NodeReader(file, parser);
            JsonToken first = parser.nextToken();
            if (first == null) {
                throw error(file, new Place(1, 1), "the file is empty");
            }
            Node node = reader.node(first);
            if (parser.nextToken() != null) {
                throw error(file, reader.place(), "there is more after the end of the policy");
            }
            return node;
        } catch (JsonProcessingException e) {
            throw error(file, place(e.getLocation()), firstLine(e.getOriginalMessage()));
        } catch (IOException e) {
            throw error(file, new Place(1, 1), firstLine(String.valueOf(e.getMessage())));
        }
    }

    static PolicyException error(String file, Place place, String message) {
        return new PolicyException(file + ":" + place + ": " + message);
    }

    private static String firstLine(String message) {
        return Text.printable(message.lines().map(String::strip).filter(line -> !line.isEmpty()).findFirst().orElse("not readable"));
    }

    private Place place() {
        return place(parser.currentTokenLocation());
    }

    private static Place place(@org.jspecify.annotations.Nullable JsonLocation location) {
        return location == null ? new Place(1, 1) : new Place(Math.max(1, location.getLineNr()), Math.max(1, location.getColumnNr()));
    }

    /// Depth is bounded by the parser's constraints, so recursion is too.
    private Node node(JsonToken token) throws IOException, PolicyException {
        Place place = place();
        if (++nodes > MOST_NODES) {
            throw error(file, place, "more than " + MOST_NODES + " values");
        }
        if (parser instanceof YAMLParser yaml) {
            if (yaml.isCurrentAlias() || yaml.getObjectId() != null) {
                throw error(file, place, "anchors and aliases are not read");
            }
            if (parser.getTypeId() != null) {
                throw error(file, place, "tags such as !" + Text.printable(String.valueOf(parser.getTypeId())) + " are not read");
            }
        }
        return switch (token) {
            case START_OBJECT -> fields(place);
            case START_ARRAY -> {
                List<Node> items = new ArrayList<>();
                for (JsonToken item = next(); item != JsonToken.END_ARRAY; item = next()) {
                    items.add(node(item));
                }
                yield new Node.Items(place, List.copyOf(items));
            }
            case VALUE_STRING, VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT, VALUE_TRUE, VALUE_FALSE -> new Node.Scalar(place, parser.getText());
            case VALUE_NULL -> new Node.Scalar(place, "");
            case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                    throw error(file, place, "a value is missing");
        };
    }

    private Node fields(Place place) throws IOException, PolicyException {
        List<Node.Field> fields = new ArrayList<>();
        Set<String> names = new HashSet<>();
        while (next() == JsonToken.FIELD_NAME) {
            Place at = place();
            String name = parser.currentName();
            if (!names.add(name)) {
                throw error(file, at, "\"" + Text.printable(name) + "\" is there a second time");
            }
            fields.add(new Node.Field(at, name, node(next())));
        }
        return new Node.Fields(place, List.copyOf(fields));
    }

    private JsonToken next() throws IOException, PolicyException {
        JsonToken token = parser.nextToken();
        if (token == null) {
            throw error(file, place(), "the file ends within a value");
        }
        return token;
    }
}

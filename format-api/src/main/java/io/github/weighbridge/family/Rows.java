package io.github.weighbridge.family;

import io.github.weighbridge.encoding.Shape;
import io.github.weighbridge.family.TensorSpec.Presence;
import io.github.weighbridge.model.Component;
import io.github.weighbridge.model.Identity;
import io.github.weighbridge.model.Role;
import java.util.ArrayList;
import java.util.List;

/// Collects rows; remembers the component and layer that they belong to.
final class Rows {
    private final List<Row> list;
    private final Component component;
    private final int layer;

    Rows() {
        this(new ArrayList<>(), Component.OTHER, Identity.NO_LAYER);
    }

    private Rows(List<Row> list, Component component, int layer) {
        this.list = list;
        this.component = component;
        this.layer = layer;
    }

    /// All rows collected so far, here and in every other place of the table.
    List<Row> list() {
        return list;
    }

    Rows in(Component component, int layer) {
        return new Rows(list, component, layer);
    }

    /// The key of the one weight of a role in this place.
    String key(Role role) {
        if (layer != Identity.NO_LAYER) {
            return component.word() + "." + layer + "." + role.word();
        }
        return component.word().equals(role.word()) ? role.word() : component.word() + "." + role.word();
    }

    void add(Role role, String huggingFace, String gguf, Presence presence, Holding holding) {
        list.add(new Row(huggingFace, gguf, new Identity(role, component, layer), presence, holding, holding));
    }

    void keyed(String key, Role role, String huggingFace, String gguf, Presence presence, Shape shape) {
        add(role, huggingFace, gguf, presence, Holding.one(key, shape));
    }

    void add(Role role, String huggingFace, String gguf, Presence presence, Shape shape) {
        keyed(key(role), role, huggingFace, gguf, presence, shape);
    }

    void add(Role role, String huggingFace, String gguf, Shape shape) {
        add(role, huggingFace, gguf, Presence.REQUIRED, shape);
    }

    void other(String name, String huggingFace, Shape shape) {
        keyed(key(Role.OTHER) + "." + name, Role.OTHER, huggingFace, "", Presence.REQUIRED, shape);
    }

    /// A linear layer of an encoder, in a module of its own that may clip what goes in and out.
    void linear(String key, Role role, String module, boolean clipped, Shape shape) {
        keyed(key, role, module + ".linear.weight", "", Presence.REQUIRED, shape);
        if (clipped) {
            for (String bound : List.of("input_min", "input_max", "output_min", "output_max")) {
                keyed(key + "." + bound, Role.OTHER, module + "." + bound, "", Presence.OPTIONAL, Shape.SCALAR);
            }
        }
    }

    void linear(Role role, String module, boolean clipped, Shape shape) {
        linear(key(role), role, module, clipped, shape);
    }

    /// A weight that GGUF stores otherwise than safetensors.
    ///
    /// @param transforms from the form of safetensors to that of GGUF
    void transformed(Role role, String huggingFace, String gguf, Presence presence, Shape shape, List<Transform> transforms) {
        list.add(new Row(huggingFace, gguf, new Identity(role, component, layer), presence, Holding.one(key(role), shape),
                new Holding.One(key(role), shape, transforms)));
    }

    /// The offsets that a linear layer adds, in single precision in GGUF.
    void bias(Role role, String huggingFace, String gguf, long width, List<Transform> transforms) {
        String key = key(role) + ".bias";
        list.add(new Row(huggingFace + ".bias", gguf + ".bias", new Identity(role, component, layer), Presence.REQUIRED,
                Holding.one(key, Shape.of(width)), new Holding.One(key, Shape.of(width), transforms)));
    }
}

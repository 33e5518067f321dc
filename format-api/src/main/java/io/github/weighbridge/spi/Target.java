package io.github.weighbridge.spi;

import io.github.weighbridge.encoding.EncoderInputs;
import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.model.Finding;
import io.github.weighbridge.plan.Assignment;
import io.github.weighbridge.plan.Choice;
import io.github.weighbridge.plan.ConversionPlan;
import io.github.weighbridge.plan.Importance;
import io.github.weighbridge.plan.TargetTensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// A checkpoint seen through the eyes of a target format: which tensors it wants, which encodings it can give them, and the layout of its
/// files. For use by one thread.
public interface Target {
    /// The tensors the files will have, in a fixed order.
    List<TargetTensor> tensors();

    /// What is lost or left out by the format itself, whatever the encodings.
    List<Finding> findings();

    /// The encoding that a tensor has whatever the policy says, because the runtime demands it; empty where the policy decides.
    Optional<Choice> fixed(TargetTensor tensor);

    /// The smallest encoding that keeps the tensor's numbers exactly.
    ///
    /// @throws PolicyException when there is none
    Choice keep(TargetTensor tensor) throws PolicyException;

    /// The encoding that a word means for this target: a neutral word such as `bf16` or `int4/group32`, or the format's own. Empty when it
    /// means nothing here.
    Optional<Encoding> encoding(String word);

    /// The encoding and the recipe that a word means for a tensor: an encoding's word, or one with a recipe behind a colon, as in `Q4_0:exact`.
    /// Empty when it means nothing here.
    ///
    /// @param reason for reports
    default Optional<Choice> choice(String word, TargetTensor tensor, String reason) {
        Optional<Encoding> encoding = encoding(word);
        int colon = word.lastIndexOf(':');
        if (encoding.isPresent() || colon < 0) {
            return encoding.map(found -> Choice.of(found, reason));
        }
        String method = word.substring(colon + 1);
        return encoding(word.substring(0, colon)).filter(found -> found.encoder(EncoderInputs.method(method)).isPresent())
                .map(found -> new Choice(found, method, reason));
    }

    /// What to say of a word that means nothing here.
    default String lacking(String word) {
        return "the target has no encoding \"" + word + "\"";
    }

    /// The assignment that a named type gives, with its mix and fallbacks.
    ///
    /// @param type one of [Format#types], upper or lower case
    /// @param pure one encoding for all that is not fixed
    /// @throws PolicyException when the type is unknown or cannot be met
    Assignment type(String type, boolean pure) throws PolicyException;

    /// Why a tensor cannot have an encoding here; empty when it can.
    Optional<String> refuses(TargetTensor tensor, Encoding encoding);

    /// Tensors that the runtime makes one of when it loads them, and which therefore need one encoding: names of [#tensors]. Empty where each
    /// may have its own.
    default List<List<String>> fused() {
        return List.of();
    }

    /// Words of the encodings that a budget chooses from, besides keeping the numbers.
    default List<String> candidates() {
        return Stream.of("int2/channel", "int4/channel", "int4/group32", "int8/channel", "int8/group32", "f16", "bf16")
                .filter(word -> encoding(word).isPresent()).toList();
    }

    /// What the columns of a tensor matter, where the request says so.
    ///
    /// @throws PolicyException when it was measured for other shapes
    default Optional<Importance> importance(TargetTensor tensor) throws PolicyException {
        return Optional.empty();
    }

    /// The files, every byte of them.
    ///
    /// @param assignment an encoding for each of [#tensors]
    ConversionPlan plan(Assignment assignment) throws PolicyException;
}

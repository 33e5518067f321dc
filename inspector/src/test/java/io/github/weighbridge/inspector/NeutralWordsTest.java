package io.github.weighbridge.inspector;

import io.github.weighbridge.encoding.Encoding;
import io.github.weighbridge.fixtures.Gemma4Fixture;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.io.Source;
import io.github.weighbridge.model.Checkpoint;
import io.github.weighbridge.spi.Formats;
import io.github.weighbridge.spi.ReadOptions;
import io.github.weighbridge.spi.Target;
import io.github.weighbridge.spi.TargetRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/// The table of neutral words in `docs/policies.md` says what each format makes of them.
class NeutralWordsTest {
    @Test
    void theTableIsTrue() throws Exception {
        List<List<String>> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(System.getProperty("weighbridge.root"), "docs/policies.md"))) {
            if (line.startsWith("| word |") || !rows.isEmpty() && line.startsWith("| `")) {
                rows.add(List.of(line.substring(2, line.length() - 2).split(" \\| ")));
            } else if (!rows.isEmpty() && !line.startsWith("| ---")) {
                break;
            }
        }
        assertThat(rows).hasSizeGreaterThan(15);
        List<String> formats = rows.getFirst().subList(1, rows.getFirst().size());
        assertThat(formats).contains("gguf", "compressed-tensors", "litertlm", "safetensors");
        try (Checkpoint checkpoint = Formats.installed().open(new Source("tiny",
                Gemma4Fixture.virtual("tiny", Gemma4Options.of(Gemma4Size.TINY)), Optional.empty()), ReadOptions.defaults())) {
            for (int column = 0; column < formats.size(); column++) {
                Target target = Formats.installed().byName(formats.get(column)).orElseThrow()
                        .target(checkpoint, TargetRequest.named("t." + formats.get(column)));
                for (List<String> row : rows.subList(1, rows.size())) {
                    String word = row.getFirst().replace("`", "");
                    assertThat(target.encoding(word).map(Encoding::name).orElse("-")).as(word + " in " + formats.get(column))
                            .isEqualTo(row.get(column + 1));
                }
            }
        }
    }
}

package io.github.weighbridge.gguf.tokenizer;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Limits;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SentencePieceModelTest {
    private static final List<SentencePieceModel.Piece> PIECES = List.of(new SentencePieceModel.Piece("<unk>", 0, 2),
            new SentencePieceModel.Piece("<s>", 0, 3), new SentencePieceModel.Piece("</s>", 0, 3),
            new SentencePieceModel.Piece("<0x0A>", 0, 6),
            new SentencePieceModel.Piece("\u2581the", -1.5f, 1), new SentencePieceModel.Piece("x".repeat(300), -7, 5));

    private static SentencePieceModel read(byte[] bytes) throws Exception {
        return SentencePieceModel.read(ByteSource.of("tokenizer.model", bytes), Limits.DEFAULT);
    }

    @Test
    void readsWhatItWrites() throws Exception {
        assertThat(read(SentencePieceModel.write(PIECES, new int[] {0, 1, 2, -1}, true)).pieces()).isEqualTo(PIECES);
    }

    @Test
    void everyCutEndsInOneException() throws Exception {
        byte[] whole = SentencePieceModel.write(PIECES, new int[] {0, 1, 2, -1}, false);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            try {
                assertThat(read(cut).pieces()).hasSizeLessThanOrEqualTo(PIECES.size());
            } catch (CheckpointFormatException e) {
                assertThat(e).hasMessageStartingWith("tokenizer.model");
            }
        }
    }

    @Test
    void damageEndsInAModelOrOneException() throws Exception {
        byte[] whole = SentencePieceModel.write(PIECES, new int[] {0, 1, 2, -1}, false);
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            try {
                read(damaged);
            } catch (CheckpointFormatException e) {
                assertThat(e).hasMessageStartingWith("tokenizer.model");
            }
        }
    }

    @Test
    void namesWhatIsWrong() {
        assertThatThrownBy(() -> read(new byte[] {0x0a, (byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f}))
                .isInstanceOf(CheckpointFormatException.class).hasMessageContaining("bytes left");
        assertThatThrownBy(() -> read(new byte[] {0x0a, 3, 0x0a, 1, (byte) 0xc3})).isInstanceOf(CheckpointFormatException.class)
                .hasMessageContaining("UTF-8");
        assertThatThrownBy(() -> read(new byte[] {0x12, 0})).isInstanceOf(CheckpointFormatException.class).hasMessageContaining("pieces");
    }
}

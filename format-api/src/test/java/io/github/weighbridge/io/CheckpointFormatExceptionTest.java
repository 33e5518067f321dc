package io.github.weighbridge.io;

import java.io.IOException;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class CheckpointFormatExceptionTest {
    @Test
    void theSentenceNamesFileByteFieldFoundAndExpectedInThisOrder() {
        CheckpointFormatException e = CheckpointFormatException.malformed("models/a.gguf", 24, "tensor count", -5, "at most 400000");
        assertThat(e).isInstanceOf(IOException.class)
                .hasMessage("models/a.gguf: at byte 24: tensor count: found -5, expected at most 400000");
        assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.MALFORMED);
        assertThat(e.file()).isEqualTo("models/a.gguf");
        assertThat(e.offset()).hasValue(24);
        assertThat(e.field()).isEqualTo("tensor count");
        assertThat(e.found()).isEqualTo("-5");
        assertThat(e.expected()).isEqualTo("at most 400000");
    }

    @Test
    void withoutAByteTheSentenceNamesNone() {
        CheckpointFormatException e = CheckpointFormatException.malformed("config.json", -1, "hidden_size", "nothing", "a whole number");
        assertThat(e).hasMessage("config.json: hidden_size: found nothing, expected a whole number");
        assertThat(e.offset()).isEmpty();
    }

    @Test
    void byteZeroIsAByte() {
        assertThat(CheckpointFormatException.malformed("f", 0, "magic", "PK", "GGUF")).hasMessage(
                "f: at byte 0: magic: found PK, expected GGUF");
    }

    @Test
    void whatIsNotHandledSaysWhatIsSupported() {
        CheckpointFormatException e = CheckpointFormatException.unsupported("f", 4, "version", 9, "2, 3");
        assertThat(e).hasMessage("f: at byte 4: version: found 9, supported: 2, 3");
        assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.UNSUPPORTED);
    }

    @Test
    void aPassedLimitIsAKindOfItsOwn() {
        CheckpointFormatException e = CheckpointFormatException.limit("f", 8, "header", "1 TB", "at most 100 MB (Limits.headerBytes)");
        assertThat(e).hasMessage("f: at byte 8: header: found 1 TB, expected at most 100 MB (Limits.headerBytes)");
        assertThat(e.kind()).isEqualTo(CheckpointFormatException.Kind.LIMIT_EXCEEDED);
    }

    @Test
    void everyPartOfTheMessageIsPrintableWhileThePartsStayAsTheyWere() {
        String evil = "\u001b[2J\n\r\u202e";
        CheckpointFormatException e = CheckpointFormatException.malformed(evil, 1, evil, evil, evil);
        String shown = "\\u001b[2J\\u000a\\u000d\\u202e";
        assertThat(e).hasMessage(shown + ": at byte 1: " + shown + ": found " + shown + ", expected " + shown);
        assertThat(e.field()).isEqualTo(evil);
        assertThat(e.found()).isEqualTo(evil);
    }

    @Test
    void aLongTextFromAFileIsCut() {
        CheckpointFormatException e = CheckpointFormatException.malformed("f", 1, "name", "x".repeat(1_000_000), "less");
        assertThat(e.getMessage()).hasSizeLessThan(400).contains("xxx...xxx");
    }
}

package io.github.weighbridge.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ByteCursorTest {
    private static final int WINDOW = 1 << 16;

    private static ByteCursor over(byte... bytes) {
        return new ByteCursor(ByteSource.of("f", bytes), 0, bytes.length, ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void everyKindOfNumberIsReadInBothOrders() throws IOException {
        for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
            byte[] bytes = ByteBuffer.allocate(1 + 2 + 4 + 4 + 8 + 4 + 8).order(order).put((byte) 0xfe).putShort((short) 0xfedc).putInt(-2)
                    .putInt(0xfedcba98).putLong(0xfedcba9876543210L).putFloat(-1.5f).putDouble(Math.PI).array();
            ByteCursor cursor = new ByteCursor(ByteSource.of("f", bytes), 0, bytes.length, order);
            assertThat(cursor.u8("a")).isEqualTo(0xfe);
            assertThat(cursor.u16("b")).isEqualTo(0xfedc);
            assertThat(cursor.i32("c")).isEqualTo(-2);
            assertThat(cursor.u32("d")).isEqualTo(0xfedcba98L);
            assertThat(cursor.i64("e")).isEqualTo(0xfedcba9876543210L);
            assertThat(cursor.f32("f")).isEqualTo(-1.5f);
            assertThat(cursor.f64("g")).isEqualTo(Math.PI);
            assertThat(cursor.remaining()).isZero();
            assertThat(cursor.position()).isEqualTo(bytes.length);
        }
    }

    @Test
    void theOrderCanChangeOnTheWay() throws IOException {
        ByteCursor cursor = over((byte) 1, (byte) 0, (byte) 1, (byte) 0);
        assertThat(cursor.u16("a")).isEqualTo(1);
        cursor.order(ByteOrder.BIG_ENDIAN);
        assertThat(cursor.u16("b")).isEqualTo(256);
    }

    @Test
    void theOrderHoldsBeyondARefill() throws IOException {
        byte[] bytes = new byte[WINDOW + 8];
        bytes[WINDOW + 1] = 1;
        ByteCursor cursor = new ByteCursor(ByteSource.of("f", bytes), 0, bytes.length, ByteOrder.LITTLE_ENDIAN);
        cursor.order(ByteOrder.BIG_ENDIAN);
        cursor.skip(WINDOW, "skipped");
        assertThat(cursor.u16("a")).isEqualTo(1);
    }

    @Test
    void readsAcrossTheBorderOfTheWindowAreWhole() throws IOException {
        byte[] bytes = new byte[3 * WINDOW];
        new Random(3).nextBytes(bytes);
        ByteBuffer expected = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int before = 0; before <= 9; before++) {
            ByteCursor cursor = new ByteCursor(ByteSource.of("f", bytes), 0, bytes.length, ByteOrder.LITTLE_ENDIAN);
            cursor.u8("first");
            cursor.skip(WINDOW - before - 1, "most");
            int at = WINDOW - before;
            assertThat(cursor.position()).isEqualTo(at);
            assertThat(cursor.i64("i64")).isEqualTo(expected.getLong(at));
            assertThat(cursor.i32("i32")).isEqualTo(expected.getInt(at + 8));
            assertThat(cursor.bytes(5, "bytes")).isEqualTo(Arrays.copyOfRange(bytes, at + 12, at + 17));
            assertThat(cursor.u8("u8")).isEqualTo(bytes[at + 17] & 255);
        }
    }

    @Test
    void aRandomWalkReadsWhatIsThere() throws IOException {
        byte[] bytes = new byte[5 * WINDOW + 13];
        Random random = new Random(4);
        random.nextBytes(bytes);
        ByteBuffer expected = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int run = 0; run < 30; run++) {
            int begin = random.nextInt(100);
            ByteCursor cursor = new ByteCursor(ByteSource.of("f", bytes), begin, bytes.length, ByteOrder.LITTLE_ENDIAN);
            int at = begin;
            while (cursor.remaining() > WINDOW * 2) {
                assertThat(cursor.position()).isEqualTo(at);
                switch (random.nextInt(5)) {
                    case 0 -> assertThat(cursor.i64("l")).isEqualTo(expected.getLong(at));
                    case 1 -> {
                        assertThat(cursor.u16("s")).isEqualTo(expected.getShort(at) & 0xffff);
                        at -= 6;
                    }
                    case 2 -> {
                        int count = random.nextInt(WINDOW * 3 / 2);
                        assertThat(cursor.bytes(count, "b")).isEqualTo(Arrays.copyOfRange(bytes, at, at + count));
                        at += count - 8;
                    }
                    case 3 -> {
                        int count = random.nextInt(WINDOW * 3 / 2);
                        cursor.skip(count, "k");
                        at += count - 8;
                    }
                    default -> {
                        assertThat(cursor.i32("i")).isEqualTo(expected.getInt(at));
                        at -= 4;
                    }
                }
                at += 8;
            }
        }
    }

    @Test
    void theEndOfTheRangeIsTheEndThoughTheSourceGoesOn() throws IOException {
        ByteCursor cursor = new ByteCursor(ByteSource.of("f", new byte[100]), 10, 13, ByteOrder.LITTLE_ENDIAN);
        assertThat(cursor.remaining()).isEqualTo(3);
        cursor.u8("a");
        assertThatThrownBy(() -> cursor.i32("tensor count")).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("f: at byte 11: tensor count: found end of file after 2 bytes, expected 4 bytes");
        assertThat(cursor.u16("still")).isZero();
    }

    @Test
    void everyReadAtTheEndNamesItsFieldAndWhatItNeeds() {
        ByteCursor cursor = over();
        assertEnd(() -> cursor.u8("x"), 1);
        assertEnd(() -> cursor.u16("x"), 2);
        assertEnd(() -> cursor.i32("x"), 4);
        assertEnd(() -> cursor.u32("x"), 4);
        assertEnd(() -> cursor.f32("x"), 4);
        assertEnd(() -> cursor.i64("x"), 8);
        assertEnd(() -> cursor.f64("x"), 8);
    }

    private static void assertEnd(ThrowingCallable read, int needs) {
        assertThatThrownBy(read).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("f: at byte 0: x: found end of file after 0 bytes, expected " + needs + " bytes");
    }

    @Test
    void aLengthBeyondTheEndIsRefusedBeforeAnythingIsAllocated() {
        ByteCursor cursor = over(new byte[10]);
        assertThatThrownBy(() -> cursor.bytes(Integer.MAX_VALUE, "name")).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("f: at byte 0: name: found 2147483647 bytes, of which 10 are there, expected no more than the bytes left");
        assertThatThrownBy(() -> cursor.text(11, "name")).isInstanceOf(CheckpointFormatException.class);
        assertThat(cursor.position()).isZero();
    }

    @Test
    void skippingIsBoundedAndAnUnsignedCountIsShownAsOne() throws IOException {
        ByteCursor cursor = over(new byte[10]);
        assertThatThrownBy(() -> cursor.skip(11, "data")).isInstanceOf(CheckpointFormatException.class)
                .hasMessage("f: at byte 0: data: found 11 bytes, of which 10 are there, expected no more than the bytes left");
        assertThatThrownBy(() -> cursor.skip(-1, "data")).isInstanceOf(CheckpointFormatException.class)
                .hasMessageContaining("found 18446744073709551615 bytes");
        cursor.skip(10, "data");
        assertThat(cursor.remaining()).isZero();
        cursor.skip(0, "nothing");
    }

    @Test
    void textIsUtf8() throws IOException {
        byte[] text = "größe 😀".getBytes(StandardCharsets.UTF_8);
        assertThat(over(text).text(text.length, "name")).isEqualTo("größe 😀");
        assertThat(over().text(0, "name")).isEmpty();
    }

    @Test
    void textThatIsNoUtf8IsRefusedAtItsFirstByte() throws IOException {
        for (byte[] bad : new byte[][] {{(byte) 0xff}, {(byte) 0xc0, (byte) 0x80}, {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
            {(byte) 0xe2, 0x28,
                (byte) 0xa1},
            {(byte) 0xf4, (byte) 0x90, (byte) 0x80, (byte) 0x80}, {'a', (byte) 0xc3}}) {
            byte[] bytes = new byte[bad.length + 3];
            System.arraycopy(bad, 0, bytes, 3, bad.length);
            ByteCursor cursor = over(bytes);
            cursor.skip(3, "before");
            assertThatThrownBy(() -> cursor.text(bad.length, "key")).as(Arrays.toString(bad)).isInstanceOf(CheckpointFormatException.class)
                    .hasMessage("f: at byte 3: key: found bytes that are no UTF-8, expected UTF-8 text");
        }
    }

    @Test
    void aRangeOutsideTheSourceIsACallersMistake() {
        ByteSource source = ByteSource.of("f", new byte[4]);
        assertThatThrownBy(() -> new ByteCursor(source, 0, 5, ByteOrder.LITTLE_ENDIAN)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> new ByteCursor(source, 3, 2, ByteOrder.LITTLE_ENDIAN)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}

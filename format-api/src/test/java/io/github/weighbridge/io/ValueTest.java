package io.github.weighbridge.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ValueTest {
    private static final Value.Fields FIELDS = Value.Fields.EMPTY.with("text", Value.of("t")).with("whole", Value.of(3))
            .with("real", Value.of(2.5)).with("flag", Value.of(true)).with("null", new Value.Nothing())
            .with("list", Value.ofTexts(List.of("a", "b"))).with("object", Value.Fields.EMPTY);

    @Test
    void eachGetterFindsItsKindAndNothingElse() {
        assertThat(FIELDS.text("text")).contains("t");
        assertThat(FIELDS.whole("whole")).contains(3L);
        assertThat(FIELDS.number("whole")).contains(3.0);
        assertThat(FIELDS.number("real")).contains(2.5);
        assertThat(FIELDS.flag("flag")).contains(true);
        assertThat(FIELDS.list("list")).contains(List.of(Value.of("a"), Value.of("b")));
        assertThat(FIELDS.object("object")).contains(Value.Fields.EMPTY);
        for (String name : FIELDS.fields().keySet()) {
            assertThat(FIELDS.text(name).isPresent()).isEqualTo(name.equals("text"));
            assertThat(FIELDS.whole(name).isPresent()).isEqualTo(name.equals("whole"));
            assertThat(FIELDS.number(name).isPresent()).isEqualTo(name.equals("whole") || name.equals("real"));
            assertThat(FIELDS.flag(name).isPresent()).isEqualTo(name.equals("flag"));
            assertThat(FIELDS.list(name).isPresent()).isEqualTo(name.equals("list"));
            assertThat(FIELDS.object(name).isPresent()).isEqualTo(name.equals("object"));
        }
    }

    @Test
    void nullCountsAsAbsentButStaysInTheDocument() {
        assertThat(FIELDS.get("null")).isEmpty();
        assertThat(FIELDS.get("missing")).isEmpty();
        assertThat(FIELDS.fields()).containsKey("null");
    }

    @Test
    void settingKeepsThePlaceAndRemovingTheOrder() {
        assertThat(FIELDS.with("whole", Value.of(4)).fields().keySet()).containsExactly("text", "whole", "real", "flag", "null", "list",
                "object");
        assertThat(FIELDS.with("new", Value.of(4)).fields().keySet()).endsWith("object", "new");
        assertThat(FIELDS.without("whole").fields().keySet()).containsExactly("text", "real", "flag", "null", "list", "object");
        assertThat(FIELDS.whole("whole")).contains(3L);
    }

    @Test
    void valuesAreCopiesThatDoNotChange() {
        Map<String, Value> map = new LinkedHashMap<>(Map.of("a", Value.of(1)));
        List<Value> list = new ArrayList<>(List.of(Value.of(1)));
        Value.Fields fields = new Value.Fields(map);
        Value.Items items = new Value.Items(list);
        map.clear();
        list.clear();
        assertThat(fields.whole("a")).contains(1L);
        assertThat(items.items()).hasSize(1);
        assertThatThrownBy(() -> fields.fields().put("b", Value.of(2))).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> items.items().add(Value.of(2))).isInstanceOf(UnsupportedOperationException.class);
    }
}

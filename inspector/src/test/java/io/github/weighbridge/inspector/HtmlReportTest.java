package io.github.weighbridge.inspector;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.weighbridge.encoding.DenseType;
import io.github.weighbridge.fixtures.Gemma4Options;
import io.github.weighbridge.fixtures.Gemma4Size;
import io.github.weighbridge.fixtures.TrainedCheckpoints;
import io.github.weighbridge.io.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.example.toy.ToyFiles;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/// The report in one file.
class HtmlReportTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MOST_BYTES = 1_500_000;
    private static final Pattern NUMBER = Pattern.compile("<data data-field=\"([^\"]*)\" value=\"(\\d+)\">([\\d,]+)</data>");

    @TempDir Path folder;

    private record Written(JsonNode json, Path html) {}

    private Written write(Path source) throws IOException {
        Path html = folder.resolve("report.html");
        Cli.Result result =
                Cli.run("inspect", source, "--json", "--html", html, "--context", "4k,32k,128k", "--kv-cache", "f16,q8_0,int8,q4_0");
        assertThat(result.err()).isEmpty();
        return new Written(JSON.readTree(result.out()), html);
    }

    private Written fullSize() throws IOException {
        return write(SparseCheckpoint.write(folder.resolve("gemma-4-E2B-it"), Gemma4Options.of(Gemma4Size.E2B)));
    }

    /// Numbers of the JSON report, by the names that they have in the HTML report.
    private static Map<String, Long> numbers(JsonNode json) {
        Map<String, Long> numbers = new TreeMap<>();
        numbers.put("source.bytes", json.at("/source/bytes").asLong());
        for (String field : List.of("totals/parameters", "totals/tensor_bytes", "totals/overhead_bytes", "memory/resident_bytes",
                "memory/streamable_bytes")) {
            numbers.put(field.replace('/', '.'), json.at("/" + field).asLong());
        }
        for (String field : List.of("totals/code_bytes", "overhead/header_bytes", "overhead/metadata_bytes", "overhead/tokenizer_bytes",
                "overhead/padding_bytes", "overhead/other_bytes")) {
            if (json.at("/" + field).asLong() > 0) {
                numbers.put(field.replace('/', '.'), json.at("/" + field).asLong());
            }
        }
        for (JsonNode component : json.get("components")) {
            String name = "components." + component.get("component").asText();
            numbers.put(name + ".parameters", component.get("parameters").asLong());
            numbers.put(name + ".bytes", component.get("bytes").asLong());
            for (JsonNode encoding : component.get("encodings")) {
                numbers.put(name + "." + encoding.get("encoding").asText() + ".parameters", encoding.get("parameters").asLong());
                numbers.put(name + "." + encoding.get("encoding").asText() + ".bytes", encoding.get("bytes").asLong());
            }
        }
        for (JsonNode layer : json.get("layers")) {
            numbers.put("layers." + layer.get("component").asText() + "." + layer.get("layer").asInt() + ".bytes",
                    layer.get("bytes").asLong());
        }
        for (String field : List.of("streamed_bytes_per_token", "dead_bytes", "encoder_bytes", "drafter_bytes", "logits_bytes",
                "widest_activation_bytes", "per_layer_input_bytes")) {
            if (json.at("/memory/" + field).asLong() > 0) {
                numbers.put("memory." + field, json.at("/memory/" + field).asLong());
            }
        }
        for (JsonNode cache : json.at("/memory/kv_cache")) {
            String field = "memory.kv_cache." + cache.get("context").asLong() + "." + cache.get("type").asText()
                    + (cache.has("accounting") ? "." + cache.get("accounting").asText() : "");
            numbers.put(field, cache.get("bytes").asLong());
            if (cache.has("most_bytes")) {
                numbers.put(field + ".most", cache.get("most_bytes").asLong());
            }
        }
        return numbers;
    }

    @Test
    void itsNumbersAreThoseOfTheJson() throws IOException {
        Written written = fullSize();
        assertThat(Files.size(written.html())).isLessThan(MOST_BYTES);
        String html = Files.readString(written.html());
        Map<String, Long> numbers = new TreeMap<>();
        for (Matcher matcher = NUMBER.matcher(html); matcher.find();) {
            assertThat(matcher.group(3).replace(",", "")).isEqualTo(matcher.group(2));
            numbers.put(matcher.group(1), Long.parseLong(matcher.group(2)));
        }
        assertThat(numbers).isEqualTo(numbers(written.json()));
        assertThat(html.lines().filter(line -> line.startsWith("<tr><td>"))).hasSize(2011);
    }

    /// Nothing in it leads anywhere.
    @Test
    void itNeedsNothingElse() throws IOException {
        String html = Files.readString(fullSize().html());
        assertThat(html).doesNotContain("http:", "https:", "@import", "url(", " src=", "<link", "<iframe").contains("default-src 'none'");
    }

    /// Text of files is text, with a browser and without.
    @Test
    void textOfFilesIsEscaped() throws IOException {
        String evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\" onload=\"alert(3)' & \u202e\u001b[31m";
        Path toy = new ToyFiles(evil, Value.Fields.EMPTY).tensor(evil, DenseType.F32, 2, 2).write(folder.resolve("evil.toy"));
        String html = Files.readString(write(toy).html());
        assertThat(html).doesNotContain("<script>alert", "<img", "onload=\"", "\u202e", "\u001b")
                .contains("&lt;script&gt;alert(1)&lt;/script&gt;"
                        + "&lt;img src=x onerror=alert(2)&gt;&quot; onload=&quot;alert(3)&#39; &amp; \\u202e\\u001b[31m");
    }

    @Test
    void aReportTakesNoPlaceOfItsSource() throws IOException {
        Path toy = ToyFiles.small(folder.resolve("small.toy"));
        assertThat(Cli.run("inspect", toy, "--html", toy).code()).isEqualTo(2);
        assertThat(Cli.run("inspect", toy).code()).isZero();
        Cli.Result missing = Cli.run("inspect", toy, "--html", folder.resolve("none/report.html"));
        assertThat(missing.code()).isEqualTo(5);
        assertThat(missing.err()).startsWith(folder.resolve("none/report.html") + ": ");
        Path html = folder.resolve("small.html");
        assertThat(Cli.run("inspect", folder.resolve("none.toy"), "--html", html).code()).isEqualTo(5);
        assertThat(html).doesNotExist();
        assertThat(Cli.run("inspect", toy, "--html", html).out()).isEqualTo(Cli.run("inspect", toy).out());
        byte[] first = Files.readAllBytes(html);
        assertThat(Cli.run("inspect", toy, "--html", html).code()).isZero();
        assertThat(html).hasBinaryContent(first);
    }

    /// The grids and numbers of both trained checkpoints, one of dense numbers on a grid and one of codes.
    @ParameterizedTest
    @ValueSource(strings = {TrainedCheckpoints.QAT_Q4_0, TrainedCheckpoints.QAT_MOBILE})
    void whatWasSeenOfWeightsIsThatOfTheJson(String variant) throws IOException {
        Path source = folder.resolve(variant);
        TrainedCheckpoints.unpack(source, variant);
        Path html = folder.resolve("looked.html");
        JsonNode json = JSON.readTree(Cli.run("inspect", source, "--json", "--html", html, "--grid", "--values").out());
        String page = Files.readString(html);
        assertThat(page).contains(" from headers and weights, by the rules of").hasSizeLessThan(260_000);
        List<String> columns =
                Pattern.compile("<button type=button>([^<]*)</button>").matcher(page).results().map(found -> found.group(1)).toList();
        List<String> keepers = Pattern.compile("<li>([^<]*)</li>").matcher(page).results().map(found -> found.group(1)).toList();
        List<String> rows = page.lines().filter(line -> line.startsWith("<tr><td>")).toList();
        assertThat(rows).hasSize(json.get("tensors").size());
        Map<String, Integer> compared = new TreeMap<>();
        for (int i = 0; i < rows.size(); i++) {
            List<String> cells = List.of(rows.get(i).substring("<tr><td>".length()).split("<td>", -1));
            assertThat(cells).hasSameSizeAs(columns);
            JsonNode tensor = json.get("tensors").get(i);
            Map<String, String> shown = new TreeMap<>();
            for (int j = columns.indexOf("offset") + 1; j < columns.size(); j++) {
                if (!cells.get(j).isEmpty()) {
                    String cell = cells.get(j).replace(",", "");
                    shown.put(columns.get(j), cell.startsWith("#") ? keepers.get(Integer.parseInt(cell.substring(1)) - 1) : cell);
                }
            }
            assertThat(shown).as(cells.getFirst()).isEqualTo(looked(tensor));
            shown.keySet().forEach(column -> compared.merge(column, 1, Integer::sum));
        }
        assertThat(compared).containsKeys("min", "max", "rms");
        assertThat(compared.containsKey("kept by")).isEqualTo(variant.equals(TrainedCheckpoints.QAT_Q4_0));
        assertThat(compared.containsKey("scales")).isEqualTo(variant.equals(TrainedCheckpoints.QAT_MOBILE));
    }

    /// What the list is to show of a tensor, by column, without empty cells.
    private static Map<String, String> looked(JsonNode tensor) {
        Map<String, String> looked = new TreeMap<>();
        if (tensor.has("grid")) {
            JsonNode grid = tensor.get("grid");
            boolean none = grid.isNull();
            looked.put("grid", none ? "none" : "int" + grid.get("bits").asInt() + "/"
                    + (grid.get("group").asLong() == tensor.get("shape").get(tensor.get("shape").size() - 1).asLong() ? "channel"
                            : "group" + grid.get("group").asLong())
                    + (grid.get("symmetric").asBoolean() ? "" : "/asym"));
            if (!none) {
                looked.put("exact %", String.format(Locale.ROOT, "%.2f", 100 * grid.get("exact_blocks").asDouble()));
                looked.put("residual", six(grid.get("max_residual")));
                List<String> kept = new ArrayList<>();
                grid.get("kept_by").forEach(word -> kept.add(word.asText()));
                looked.put("kept by", String.join(", ", kept));
            }
        }
        JsonNode values = tensor.path("values");
        for (String field : List.of("min", "max", "rms")) {
            looked.put(field, six(values.path(field)));
        }
        for (String field : List.of("zeros", "zero_rows", "outliers", "nan", "infinite", "beyond_half")) {
            looked.put(field.replace('_', ' '), count(values.path(field)));
        }
        JsonNode codes = values.path("codes");
        looked.put("lowest codes", count(codes.path("lowest")));
        looked.put("highest codes", count(codes.path("highest")));
        for (String field : List.of("scales", "zero_scales", "negative_scales")) {
            looked.put(field.replace('_', ' '), count(codes.path(field)));
        }
        for (String field : List.of("smallest_scale", "largest_scale")) {
            looked.put(field.replace('_', ' '), six(codes.path(field)));
        }
        looked.values().removeIf(String::isEmpty);
        return looked;
    }

    private static String six(JsonNode number) {
        return number.isNumber() ? String.format(Locale.ROOT, "%.6g", number.asDouble()) : "";
    }

    private static String count(JsonNode number) {
        return number.asLong() == 0 ? "" : number.asText();
    }

    @Test
    void inABrowser() throws Exception {
        Optional<Path> chromium = Browser.executable();
        assumeTrue(chromium.isPresent(), "there is no chromium on PATH");
        Written written = fullSize();
        try (Browser browser = new Browser(chromium.get(), folder.resolve("profile"))) {
            browser.open(written.html());
            assertThat(browser.evaluate("document.documentElement.dataset.ready").asText()).isEqualTo("2011");
            shown(browser, written.json());
            sorted(browser);
            filtered(browser);
            byKeyboard(browser);
            assertThat(browser.requests).containsExactly(written.html().toUri().toString());
            Written mobile = write(SparseCheckpoint.write(folder.resolve("mobile"),
                    Gemma4Options.of(Gemma4Size.E2B).withNumbers(Gemma4Options.Numbers.MOBILE)));
            browser.open(mobile.html());
            inBothColours(browser);
            Path looked = folder.resolve("looked.html");
            TrainedCheckpoints.unpack(folder.resolve("base"), TrainedCheckpoints.QAT_Q4_0);
            assertThat(Cli.run("inspect", folder.resolve("base"), "--html", looked, "--grid", "--values").code()).isZero();
            browser.open(looked);
            sortedByPeak(browser);
            assertThat(browser.complaints).isEmpty();
        }
    }

    /// What the browser made of the markup is what the JSON says, tensor by tensor.
    private static void shown(Browser browser, JsonNode json) throws Exception {
        Map<String, Long> numbers = new TreeMap<>();
        for (JsonNode pair : browser.evaluate("Array.from(document.querySelectorAll('data'), d => [d.dataset.field, d.textContent])")) {
            numbers.put(pair.get(0).asText(), Long.parseLong(pair.get(1).asText().replace(",", "")));
        }
        assertThat(numbers).isEqualTo(numbers(json));
        JsonNode rows = browser.evaluate(
                "Array.from(document.getElementById('list').tBodies[0].rows, r => Array.from(r.cells, c => c.textContent.trim()))");
        JsonNode tensors = json.get("tensors");
        assertThat(rows.size()).isEqualTo(tensors.size());
        for (int i = 0; i < rows.size(); i++) {
            JsonNode tensor = tensors.get(i);
            List<String> shape = new ArrayList<>();
            tensor.get("shape").forEach(dimension -> shape.add(dimension.asText()));
            List<String> cells = new ArrayList<>();
            rows.get(i).forEach(cell -> cells.add(cell.asText().replace(",", "")));
            assertThat(cells).containsExactly(tensor.get("name").asText(), tensor.get("role").asText(), tensor.get("component").asText(),
                    tensor.has("layer") ? tensor.get("layer").asText() : "", String.join("×", shape), tensor.get("encoding").asText(),
                    Numbers.bits(tensor.get("bits_per_weight").asDouble()), tensor.get("bytes").asText(), tensor.get("offset").asText());
        }
    }

    private static List<Long> bytes(Browser browser) throws Exception {
        List<Long> bytes = new ArrayList<>();
        browser.evaluate("Array.from(document.querySelectorAll('#list tbody tr:not([hidden])'), r => r.cells[7].textContent)")
                .forEach(text -> bytes.add(Long.parseLong(text.asText().strip().replace(",", ""))));
        return bytes;
    }

    private static void sorted(Browser browser) throws Exception {
        String button = "document.querySelectorAll('#list th button')[7].click(); document.querySelectorAll('#list th')[7].ariaSort";
        assertThat(browser.evaluate(button).asText()).isEqualTo("ascending");
        assertThat(bytes(browser)).hasSize(2011).isSorted();
        assertThat(browser.evaluate(button).asText()).isEqualTo("descending");
        assertThat(bytes(browser).reversed()).isSorted();
    }

    /// Columns of what was seen of weights are sorted as numbers.
    private static void sortedByPeak(Browser browser) throws Exception {
        List<Double> largest = new ArrayList<>();
        browser.evaluate("(at => { const cell = document.querySelectorAll('#list th')[at]; cell.firstElementChild.click();"
                + " return Array.from(document.querySelectorAll('#list tbody tr'), r => r.cells[at].textContent.trim()); })"
                + "(Array.from(document.querySelectorAll('#list th')).findIndex(c => c.textContent === 'max'))")
                .forEach(text -> largest.add(Double.parseDouble(text.asText())));
        assertThat(largest).hasSizeGreaterThan(100).isSorted();
    }

    private static void filtered(Browser browser) throws Exception {
        String type = "(words => { const f = document.getElementById('filter'); f.value = words; f.dispatchEvent(new Event('input'));"
                + " return document.getElementById('count').textContent; })";
        assertThat(browser.evaluate(type + "('ffn_gate text_decoder')").asText()).isEqualTo("35 of 2,011");
        assertThat(bytes(browser)).hasSize(35);
        assertThat(browser.evaluate(type + "('')").asText()).isEqualTo("2,011");
    }

    /// One stop for the map; arrows lead through it, Enter lists a tile's tensors. The plot has a cursor.
    private static void byKeyboard(Browser browser) throws Exception {
        assertThat(browser.evaluate("document.querySelectorAll('#map [tabindex=\"0\"]').length").asInt()).isEqualTo(1);
        assertThat(browser.evaluate("document.querySelectorAll('#map .tile').length").asInt()).isGreaterThan(100);
        browser.press("Tab");
        String focused = "document.activeElement.getAttribute('aria-label')";
        String first = browser.evaluate(focused).asText();
        assertThat(first).contains("bits per weight");
        browser.press("ArrowRight");
        String second = browser.evaluate(focused).asText();
        assertThat(second).contains("bits per weight").isNotEqualTo(first);
        browser.press("ArrowLeft");
        browser.press("ArrowRight");
        browser.press("Enter");
        assertThat(browser.evaluate("document.getElementById('count').textContent").asText()).contains(" of 2,011 in ");
        browser.evaluate("document.getElementById('plot').focus()");
        browser.press("ArrowLeft");
        assertThat(browser.evaluate("document.getElementById('readout').textContent").asText())
                .matches("\\d+,\\d+ tokens: f16 .* MiB, q8_0 .*");
        assertThat(browser.evaluate("document.querySelector('.cursor').hasAttribute('hidden')").asBoolean()).isFalse();
    }

    private static void inBothColours(Browser browser) throws Exception {
        List<Integer> papers = new ArrayList<>();
        for (String scheme : List.of("light", "dark")) {
            browser.prefer(scheme);
            String colour = browser.evaluate("getComputedStyle(document.body).backgroundColor").asText();
            papers.add(Integer.parseInt(colour.replaceAll("rgb\\((\\d+),.*", "$1")));
            browser.evaluate("scrollTo(0, 0)");
            byte[] picture = browser.picture(1280, 1060);
            assertThat(picture).startsWith(0x89, 'P', 'N', 'G').hasSizeBetween(30_000, 300_000);
            if ("write".equals(System.getProperty("weighbridge.golden"))) {
                Files.write(Path.of(System.getProperty("weighbridge.root"), "docs/report-" + scheme + ".png"), picture);
            }
        }
        assertThat(papers.get(0)).isGreaterThan(220);
        assertThat(papers.get(1)).isLessThan(40);
    }
}

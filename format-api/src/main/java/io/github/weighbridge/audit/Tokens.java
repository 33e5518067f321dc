package io.github.weighbridge.audit;

import io.github.weighbridge.io.ByteSource;
import io.github.weighbridge.io.CheckpointFormatException;
import io.github.weighbridge.io.Json;
import io.github.weighbridge.io.JsonVisitor;
import io.github.weighbridge.io.Limits;
import io.github.weighbridge.io.Text;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The tokens and merges of a tokenizer.json as digests, so that vocabularies of hundreds of thousands can be compared in a few megabytes.
/// Added tokens count among the tokens.
final class Tokens {
    private static final int MOST_TOKENS = 1 << 24;
    private static final long NO_TOKEN = 0;

    private long[] tokens = new long[1024];
    private long[] merges = new long[1024];
    private int count;
    private int last;
    private int mergeCount;

    private Tokens() {}

    static Tokens of(ByteSource tokenizer) throws IOException {
        Tokens tokens = new Tokens();
        Json.visit(tokenizer, 0, tokenizer.length(), Limits.DEFAULT, new Reader(tokenizer.name()) {
            @Override
            void token(int id, String text) {
                tokens.put(id, text);
            }

            @Override
            void merge(String text) {
                tokens.merges = room(tokens.merges, tokens.mergeCount);
                tokens.merges[tokens.mergeCount++] = digest(text);
            }
        });
        return tokens;
    }

    /// Some tokens as a text for people.
    static String texts(ByteSource tokenizer, List<Integer> ids) throws IOException {
        Map<Integer, String> found = new TreeMap<>();
        Json.visit(tokenizer, 0, tokenizer.length(), Limits.DEFAULT, new Reader(tokenizer.name()) {
            @Override
            void token(int id, String text) {
                if (ids.contains(id)) {
                    found.put(id, text);
                }
            }

            @Override
            void merge(String text) {
                // only tokens are asked for
            }
        });
        List<String> words = new ArrayList<>();
        found.forEach((id, text) -> words.add(id + " \"" + Text.printable(text) + "\""));
        return String.join(", ", words);
    }

    int count() {
        return count;
    }

    int mergeCount() {
        return mergeCount;
    }

    boolean sameMerges(Tokens other) {
        return Arrays.equals(merges, 0, mergeCount, other.merges, 0, other.mergeCount);
    }

    /// Ids that both have, with different texts.
    List<Integer> differentIds(Tokens other) {
        List<Integer> ids = new ArrayList<>();
        for (int id = 0; id < Math.min(last, other.last); id++) {
            if (tokens[id] != NO_TOKEN && other.tokens[id] != NO_TOKEN && tokens[id] != other.tokens[id]) {
                ids.add(id);
            }
        }
        return ids;
    }

    private void put(int id, String text) {
        tokens = room(tokens, id);
        count += tokens[id] == NO_TOKEN ? 1 : 0;
        tokens[id] = digest(text);
        last = Math.max(last, id + 1);
    }

    private static long[] room(long[] array, int index) {
        return index < array.length ? array : Arrays.copyOf(array, Math.max(index + 1, array.length * 2));
    }

    /// FNV-1a over UTF-16 units, never [#NO_TOKEN].
    private static long digest(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        return hash == NO_TOKEN ? 1 : hash;
    }

    /// Finds tokens and merges among all that a tokenizer.json holds.
    private abstract static class Reader implements JsonVisitor {
        private final String file;
        private final Deque<String> path = new ArrayDeque<>();
        private String name = "";
        private long addedId = -1;
        private String addedText = "";
        private int unigrams;
        private final StringBuilder merge = new StringBuilder();

        Reader(String file) {
            this.file = file;
        }

        abstract void token(int id, String text);

        abstract void merge(String text);

        /// Names of the objects and lists that are open, innermost last; items of lists are `[]`.
        private boolean at(String where) {
            return String.join("/", (Iterable<String>) path::descendingIterator).equals(where);
        }

        private int id(long id, long position) throws CheckpointFormatException {
            if (id < 0 || id >= MOST_TOKENS) {
                throw CheckpointFormatException.malformed(file, position, "token id", id, "0 to " + (MOST_TOKENS - 1));
            }
            return (int) id;
        }

        private void open() {
            path.push(name);
            name = "[]";
        }

        private void close() {
            name = path.pop();
        }

        @Override
        public void beginObject(long position) {
            open();
        }

        @Override
        public void name(String text, long position) {
            name = text;
        }

        @Override
        public void endObject(long position) throws IOException {
            if (at("/added_tokens/[]") && addedId >= 0) {
                token(id(addedId, position), addedText);
                addedId = -1;
            }
            close();
        }

        @Override
        public void beginArray(long position) {
            open();
            merge.setLength(0);
        }

        @Override
        public void endArray(long position) {
            if (at("/model/merges/[]")) {
                merge(merge.toString());
            }
            close();
        }

        @Override
        public void whole(long number, long position) throws IOException {
            if (path.size() == 3 && name.equals("id") && at("/added_tokens/[]")) {
                addedId = number;
            } else if (path.size() == 3 && at("/model/vocab")) {
                token(id(number, position), name);
            }
        }

        @Override
        public void text(String text, long position) throws IOException {
            if (path.size() == 3 && name.equals("content") && at("/added_tokens/[]")) {
                addedText = text;
            } else if (path.size() == 3 && at("/model/merges")) {
                merge(text);
            } else if (path.size() == 4 && at("/model/merges/[]")) {
                merge.append(merge.isEmpty() ? "" : " ").append(text);
            } else if (path.size() == 4 && at("/model/vocab/[]")) {
                token(id(unigrams++, position), text);
            }
        }
    }
}

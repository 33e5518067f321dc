package io.github.weighbridge.gguf.tokenizer;

/// llama.cpp's kinds of tokens; SentencePiece has the same numbers.
enum TokenKind {
    NORMAL(1), UNKNOWN(2), CONTROL(3), USER_DEFINED(4), UNUSED(5), BYTE(6);

    private final int id;

    TokenKind(int id) {
        this.id = id;
    }

    int id() {
        return id;
    }
}

package io.github.weighbridge.inspector;

import io.github.weighbridge.model.Finding;

/// What a report is written on: lines of a terminal, or Markdown. All texts may come from files, and are made harmless here.
interface Sheet {
    /// What it is about.
    void title(String title);

    /// A part of it.
    void section(String title);

    /// A part of it that is long, and of which not everybody wants to see all.
    default void folded(String title) {
        section(title);
    }

    /// A sentence, broken into lines.
    ///
    /// @param indent blanks before the first line
    /// @param hanging blanks before the others
    void paragraph(int indent, int hanging, String text, Finding.Severity severity);

    /// A table.
    ///
    /// @param titles whether the titles of its columns are shown
    void table(Table table, boolean titles);

    /// Leaves a line free.
    void gap();

    /// Nothing more comes.
    default void end() {}
}

/// A plugin such as anyone may write, which only the tests have.
@NullMarked
package org.example.toy;

import org.jspecify.annotations.NullMarked;

/// What is in a checkpoint, or will be in one, and what is different between two: all that the command line prints is here.
///
/// [Audited] is what an audit looks at, [Footprint] where the bytes are, [Overhead] what those hold that are not of tensors,
/// [ConversationMemory] what a conversation needs and what runtimes set aside for it ([Accounting]), [ValueReport] what numbers are like,
/// [Diff] what is different between two checkpoints, [Verification] how far one is from what it was made of. [AuditJson] and [ComparisonJson] are
/// the versioned JSON of all of it.
///
/// Examples are in the Javadoc of these classes. They take two paths, `source` and `output`, and are compiled and run by the tests.
@NullMarked
package io.github.weighbridge.audit;

import org.jspecify.annotations.NullMarked;

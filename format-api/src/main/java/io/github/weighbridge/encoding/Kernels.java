package io.github.weighbridge.encoding;

import java.lang.invoke.MethodHandles;
import java.util.function.Supplier;

/// Chooses between the plain and the vectorised form of a kernel when its class is first used.
///
/// The vectorised form lies in a class of its own that is loaded by name, and only where the module `jdk.incubator.vector` is there
/// (`--add-modules jdk.incubator.vector`), so that everything works without it. Both forms give identical bits. The system property
/// `weighbridge.kernels=scalar` keeps to the plain form.
public final class Kernels {
    private static final boolean VECTOR = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
            && !"scalar".equals(System.getProperty("weighbridge.kernels"));

    private Kernels() {}

    /// Whether vectorised forms are in use.
    public static boolean vectorised() {
        return VECTOR;
    }

    /// Both forms; see [KernelChoice]. Parameters as in [#choose].
    public static <K> KernelChoice<K> choice(MethodHandles.Lookup lookup, Supplier<? extends K> plain, Class<K> type,
            String vectorisedClass) {
        K oracle = plain.get();
        return new KernelChoice<>(oracle, choose(lookup, () -> oracle, type, vectorisedClass));
    }

    /// The best form that this machine can run.
    ///
    /// @param lookup of the kernel's own package
    /// @param plain makes the plain form
    /// @param vectorisedClass name of the vectorised class, with a constructor without parameters
    public static <K> K choose(MethodHandles.Lookup lookup, Supplier<? extends K> plain, Class<K> type, String vectorisedClass) {
        if (!VECTOR) {
            return plain.get();
        }
        try {
            return type.cast(lookup.findClass(vectorisedClass).getDeclaredConstructor().newInstance());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the vectorised kernel " + vectorisedClass + " is not in this build", e);
        }
    }
}

package io.github.weighbridge.encoding;

import java.lang.invoke.MethodHandles;
import java.util.function.Supplier;

/// Chooses between the plain and the vectorised form of a kernel when its class is first used.
///
/// The vectorised form lies in a class of its own that is loaded by name, and only where the module `jdk.incubator.vector` is there
/// (`--add-modules jdk.incubator.vector`), so that everything works without it. Both forms give identical bits. The system property
/// `weighbridge.kernels=scalar` keeps to the plain form; `eager` says that the virtual machine was told to compile vectorised kernels early, and
/// waits for it, as the launcher does, and that the module is to be loaded now where it is not there but can be had.
public final class Kernels {
    private static final String MODULE = "jdk.incubator.vector";
    private static final String WISH = System.getProperty("weighbridge.kernels", "");

    private Kernels() {}

    /// Found out when the first vectorised kernel is wanted.
    private static final class Vectors {
        static final boolean THERE =
                !WISH.equals("scalar") && (ModuleLayer.boot().findModule(MODULE).isPresent() || eager() && load());

        private Vectors() {}
    }

    /// Whether vectorised forms are in use.
    public static boolean vectorised() {
        return Vectors.THERE;
    }

    /// Whether the virtual machine compiles vectorised kernels as soon as they are used.
    public static boolean eager() {
        return WISH.equals("eager");
    }

    /// Loads the module as the JDK itself does with those that agents need. A virtual machine that begins with an incubating module in it does so
    /// without its archive of modules and linked classes, which costs more than all else of a start; so the launcher leaves it out, and opens this door.
    private static boolean load() {
        try {
            Class.forName("jdk.internal.module.Modules").getMethod("loadModule", String.class).invoke(null, MODULE);
            return true;
        } catch (ReflectiveOperationException | RuntimeException e) {
            return false;
        }
    }

    /// Both forms; see [KernelChoice]. Parameters as in [#choose].
    public static <K> KernelChoice<K> choice(MethodHandles.Lookup lookup, Supplier<? extends K> plain, Class<K> type,
            String vectorisedClass) {
        K oracle = plain.get();
        return new KernelChoice<>(oracle, () -> choose(lookup, () -> oracle, type, vectorisedClass));
    }

    /// The best form that this machine can run.
    ///
    /// @param lookup of the kernel's own package
    /// @param plain makes the plain form
    /// @param vectorisedClass name of the vectorised class, with a constructor without parameters
    public static <K> K choose(MethodHandles.Lookup lookup, Supplier<? extends K> plain, Class<K> type, String vectorisedClass) {
        if (!Vectors.THERE) {
            return plain.get();
        }
        try {
            return type.cast(lookup.findClass(vectorisedClass).getDeclaredConstructor().newInstance());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the vectorised kernel " + vectorisedClass + " is not in this build", e);
        }
    }
}

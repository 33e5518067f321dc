package io.github.weighbridge.inspector;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

/// Holds the code to the plan of the house: which package may know which.
@AnalyzeClasses(packages = ArchitectureTest.ROOT, importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    static final String ROOT = "io.github.weighbridge";

    /// The rooms of `format-api`, ground first. A room knows itself and the rooms before it.
    private static final List<String> ROOMS =
            List.of("io", "encoding", "view", "model", "family", "scan", "plan", "spi", "policy", "convert", "audit");

    private static final List<String> FORMATS = List.of("safetensors", "gguf", "compressedtensors", "litert");
    private static final List<String> USERS = List.of("fixtures", "inspector", "benchmarks");

    /// Libraries whose types no one outside may come to depend on.
    private static final List<String> HIDDEN_LIBRARIES = List.of("com.fasterxml.jackson", "tools.jackson", "com.google.common");

    @ArchTest
    static void every_class_lives_in_a_room_or_a_module(JavaClasses all) {
        String[] known = Stream.of(ROOMS, FORMATS, USERS).flatMap(List::stream).map(ArchitectureTest::tree).toArray(String[]::new);
        classes().that(residesOutsideOf(ROOT)).should().resideInAnyPackage(known).allowEmptyShould(true).check(all);
    }

    @ArchTest
    static void a_room_knows_only_the_rooms_below_it(JavaClasses all) {
        for (int i = 0; i < ROOMS.size(); i++) {
            String[] below = ROOMS.subList(0, i + 1).stream().map(ArchitectureTest::tree).toArray(String[]::new);
            classes().that().resideInAPackage(tree(ROOMS.get(i)))
                    .should().onlyDependOnClassesThat(oursOnlyIn(below))
                    .as("room " + ROOMS.get(i) + " knows only " + ROOMS.subList(0, i + 1))
                    .allowEmptyShould(true)
                    .check(all);
        }
    }

    @ArchTest
    static void formats_do_not_know_each_other(JavaClasses all) {
        for (String format : FORMATS) {
            String[] others = FORMATS.stream()
                    .filter(other -> !other.equals(format))
                    .filter(other -> !(format.equals("compressedtensors") && other.equals("safetensors")))
                    .map(ArchitectureTest::tree)
                    .toArray(String[]::new);
            noClasses().that().resideInAPackage(tree(format))
                    .should().dependOnClassesThat().resideInAnyPackage(others)
                    .as("format " + format + " knows no other format (compressedtensors: only safetensors)")
                    .allowEmptyShould(true)
                    .check(all);
        }
    }

    @ArchTest
    static void formats_do_not_know_their_users(JavaClasses all) {
        noClasses().that().resideInAnyPackage(trees(FORMATS))
                .should().dependOnClassesThat().resideInAnyPackage(trees(USERS))
                .allowEmptyShould(true)
                .check(all);
    }

    @ArchTest
    static void fixtures_know_only_safetensors_and_the_rooms(JavaClasses all) {
        noClasses().that().resideInAPackage(tree("fixtures"))
                .should().dependOnClassesThat()
                .resideInAnyPackage(tree("gguf"), tree("compressedtensors"), tree("litert"), tree("inspector"), tree("benchmarks"))
                .allowEmptyShould(true)
                .check(all);
    }

    /// Authors of runtimes take a file layer alone, so it stands on bytes and encodings and on nothing else of ours.
    @ArchTest
    static void a_file_layer_knows_only_bytes_and_encodings(JavaClasses all) {
        for (String format : FORMATS) {
            String file = ROOT + "." + format + "..file..";
            Stream<String> ground = Stream.of(tree("io"), tree("encoding"), file);
            Stream<String> neighbour = format.equals("compressedtensors") ? Stream.of(ROOT + ".safetensors..file..") : Stream.of();
            classes().that().resideInAPackage(file)
                    .should().onlyDependOnClassesThat(oursOnlyIn(Stream.concat(ground, neighbour).toArray(String[]::new)))
                    .as("the file layer of " + format + " knows only the rooms io and encoding")
                    .allowEmptyShould(true)
                    .check(all);
        }
    }

    @ArchTest static final ArchRule public_classes_hide_the_libraries_behind_them = classes().that(arePartOfTheApi())
            .should(exposeNoneOf(HIDDEN_LIBRARIES))
            .allowEmptyShould(true);

    @ArchTest static final ArchRule internal_packages_are_used_only_by_their_parent =
            classes().should(useInternalPackagesOnlyOfTheirOwnParents())
                    .allowEmptyShould(true);

    private static String tree(String name) {
        return ROOT + "." + name + "..";
    }

    private static String[] trees(List<String> names) {
        return names.stream().map(ArchitectureTest::tree).toArray(String[]::new);
    }

    private static boolean isIn(String packageName, String root) {
        return packageName.equals(root) || packageName.startsWith(root + ".");
    }

    private static DescribedPredicate<JavaClass> residesOutsideOf(String packageName) {
        return DescribedPredicate.describe("reside outside of " + packageName, c -> !c.getPackageName().equals(packageName));
    }

    private static DescribedPredicate<JavaClass> oursOnlyIn(String... packages) {
        DescribedPredicate<JavaClass> allowed = JavaClass.Predicates.resideInAnyPackage(packages);
        return DescribedPredicate.describe("are of others, or of ours in " + Arrays.toString(packages),
                c -> !isIn(c.getBaseComponentType().getPackageName(), ROOT) || allowed.test(c.getBaseComponentType()));
    }

    private static DescribedPredicate<JavaClass> arePartOfTheApi() {
        return DescribedPredicate.describe("are public and outside internal packages",
                c -> isPublic(c) && internalParents(c.getPackageName()).isEmpty());
    }

    private static boolean isPublic(JavaClass type) {
        Optional<JavaClass> outer = type.getEnclosingClass();
        return isVisible(type.getModifiers()) && (outer.isEmpty() || isPublic(outer.get()));
    }

    private static boolean isVisible(Set<JavaModifier> modifiers) {
        return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
    }

    private static ArchCondition<JavaClass> exposeNoneOf(List<String> libraries) {
        return new ArchCondition<>("expose no types of " + libraries) {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                Stream<JavaType> supertypes = Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream());
                report(type, type.getFullName(), Stream.concat(supertypes, type.getTypeParameters().stream()), events);
                for (JavaMember member : type.getMembers()) {
                    if (isVisible(member.getModifiers())) {
                        report(type, member.getFullName(), signatureOf(member), events);
                    }
                }
            }

            private void report(JavaClass type, String where, Stream<? extends JavaType> signature, ConditionEvents events) {
                Set<String> exposed = signature.flatMap(used -> used.getAllInvolvedRawTypes().stream())
                        .map(JavaClass::getBaseComponentType)
                        .filter(used -> libraries.stream().anyMatch(library -> isIn(used.getPackageName(), library)))
                        .map(JavaClass::getFullName)
                        .collect(Collectors.toCollection(TreeSet::new));
                if (!exposed.isEmpty()) {
                    events.add(SimpleConditionEvent.violated(type, where + " exposes " + exposed));
                }
            }
        };
    }

    private static Stream<JavaType> signatureOf(JavaMember member) {
        return switch (member) {
            case JavaField field -> Stream.of(field.getType());
            case JavaCodeUnit code -> Stream.of(
                    Stream.of(code.getReturnType()),
                    code.getParameterTypes().stream(),
                    code.getTypeParameters().stream(),
                    code.getExceptionTypes().stream()).flatMap(types -> types);
            default -> throw new IllegalStateException("neither field nor code: " + member);
        };
    }

    private static ArchCondition<JavaClass> useInternalPackagesOnlyOfTheirOwnParents() {
        return new ArchCondition<>("use internal packages only of their own parents") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                type.getDirectDependenciesFromSelf().forEach(dependency -> {
                    String used = dependency.getTargetClass().getBaseComponentType().getPackageName();
                    if (isIn(used, ROOT) && !internalParents(used).stream().allMatch(parent -> isIn(type.getPackageName(), parent))) {
                        events.add(SimpleConditionEvent.violated(type, dependency.getDescription()));
                    }
                });
            }
        };
    }

    /// The parents of all packages named `internal` on the way to a package; empty if it is not internal.
    private static List<String> internalParents(String packageName) {
        return Stream.iterate(packageName.indexOf(".internal"), at -> at >= 0, at -> packageName.indexOf(".internal", at + 1))
                .filter(at -> at + 9 == packageName.length() || packageName.charAt(at + 9) == '.')
                .map(at -> packageName.substring(0, at))
                .toList();
    }
}

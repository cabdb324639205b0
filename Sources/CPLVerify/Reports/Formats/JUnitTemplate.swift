// SPDX-License-Identifier: Apache-2.0

/// A `JUnitSuite` as JUnit's XML, in the order of elements that Jenkins' schema asks for.
enum JUnitTemplate {
  static let suite = """
    {{% CONTENT_TYPE:CPL-MARKUP}}
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="{{suiteName}}" tests="{{tests}}" failures="{{failures}}" errors="0" time="{{suiteTime}}">
      <testsuite name="{{suiteName}}" tests="{{tests}}" failures="{{failures}}" errors="0" skipped="{{skips}}" time="{{suiteTime}}"{{#timestamp}} timestamp="{{.}}"{{/timestamp}}>
        <properties>
    {{#properties}}
          <property name="{{key}}" value="{{value}}"/>
    {{/properties}}
        </properties>
    {{#cases}}
        <testcase classname="{{group}}" name="{{statement}}" time="{{caseTime}}">
    {{#failure}}
          <failure type="{{type}}" message="{{message}}">{{details}}</failure>
    {{/failure}}
    {{#skip}}
          <skipped message="{{.}}"/>
    {{/skip}}
          <system-out>{{output}}</system-out>
        </testcase>
    {{/cases}}
      </testsuite>
    </testsuites>

    """
}

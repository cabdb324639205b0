import CPLReference
public enum CPLVerifyPlaceholder {}
